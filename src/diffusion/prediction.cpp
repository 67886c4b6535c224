#include "diffusion/prediction.h"

#include <ATen/TensorOperators.h>

#include "base/error.h"

namespace gm {
namespace {

class NoisePrediction final : public Prediction {
 public:
  at::Tensor target(const NoiseLevels&, const at::Tensor&, const at::Tensor&,
                    const at::Tensor& noise) const override {
    return noise;
  }
  at::Tensor x0(const NoiseLevels& levels, const at::Tensor& x, const at::Tensor& t,
                const at::Tensor& output) const override {
    return levels.inverse_signal(t) * x - levels.noise_to_signal(t) * output;
  }
};

class X0Prediction final : public Prediction {
 public:
  at::Tensor target(const NoiseLevels&, const at::Tensor& x0, const at::Tensor&,
                    const at::Tensor&) const override {
    return x0;
  }
  at::Tensor x0(const NoiseLevels&, const at::Tensor&, const at::Tensor&,
                const at::Tensor& output) const override {
    return output;
  }
};

class VelocityPrediction final : public Prediction {
 public:
  at::Tensor target(const NoiseLevels& levels, const at::Tensor& x0, const at::Tensor& t,
                    const at::Tensor& noise) const override {
    return levels.signal(t) * noise - levels.noise(t) * x0;
  }
  at::Tensor x0(const NoiseLevels& levels, const at::Tensor& x, const at::Tensor& t,
                const at::Tensor& output) const override {
    return levels.signal(t) * x - levels.noise(t) * output;
  }
};

}  // namespace

std::unique_ptr<Prediction> make_prediction(const std::string& name) {
  if (name == "noise") return std::make_unique<NoisePrediction>();
  if (name == "x0") return std::make_unique<X0Prediction>();
  if (name == "velocity") return std::make_unique<VelocityPrediction>();
  throw InputError("diffusion.prediction is \"{}\": there are noise, x0 and velocity", name);
}

}  // namespace gm
