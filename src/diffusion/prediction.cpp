#include "diffusion/prediction.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <array>

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
  double x0_error(double snr) const override { return 1 / snr; }
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
  double x0_error(double) const override { return 1; }
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
  double x0_error(double snr) const override { return 1 / (snr + 1); }
};

template <class P>
std::unique_ptr<Prediction> make() {
  return std::make_unique<P>();
}

struct PredictionEntry {
  PredictionKind kind;
  std::unique_ptr<Prediction> (*make)();
};

/// All predictions: a new one needs a class, an entry here, and its name in diffusion_config.h.
constexpr std::array kPredictions{
    PredictionEntry{PredictionKind::kNoise, make<NoisePrediction>},
    PredictionEntry{PredictionKind::kX0, make<X0Prediction>},
    PredictionEntry{PredictionKind::kVelocity, make<VelocityPrediction>},
};

}  // namespace

std::unique_ptr<Prediction> make_prediction(PredictionKind kind) {
  return std::ranges::find(kPredictions, kind, &PredictionEntry::kind)->make();
}

}  // namespace gm
