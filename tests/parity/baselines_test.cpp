// Compares the metrics of inpainted images with scikit-image, and harmonic inpainting with the
// sparse solver of SciPy (baseline_answers.py).
#include "eval/baselines.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "answers.h"
#include "checkpoint/safetensors.h"
#include "eval/image_metrics.h"

namespace gm::parity {
namespace {

class InpaintingParity : public testing::Test {
 protected:
  /// The names of the cases.
  std::vector<std::string> cases() const {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : answers_) {
      if (name.ends_with(".mask")) names.push_back(name.substr(0, name.size() - 5));
    }
    return names;
  }

  at::Tensor batch(const std::string& name, const char* what) const {
    return answers_.at(name + what).unsqueeze(0);
  }
  at::Tensor mask(const std::string& name) const {
    return batch(name, ".mask").unsqueeze(0).to(at::kFloat);
  }

  static void expect_close(const ReconstructionMetrics& actual, const at::Tensor& expected,
                           const std::string& name) {
    EXPECT_NEAR(actual.psnr, expected[0].item<double>(), 1e-5) << name;
    EXPECT_NEAR(actual.ssim, expected[1].item<double>(), 1e-6) << name;
    EXPECT_NEAR(actual.l1, expected[2].item<double>(), 1e-7) << name;
  }

  TensorMap answers_ = load_safetensors(answer("baselines.safetensors"));
};

TEST_F(InpaintingParity, MetricsAgree) {
  ASSERT_EQ(cases().size(), 12U);
  for (const auto& name : cases()) {
    const auto quality =
        image_metrics(batch(name, ".filled"), batch(name, ".original"), mask(name)).at(0);
    expect_close(quality.whole, answers_.at(name + ".whole"), name + ", whole");
    expect_close(quality.masked, answers_.at(name + ".masked"), name + ", masked");
    EXPECT_NEAR(quality.missing, mask(name).mean().item<double>(), 1e-7);
  }
}

TEST_F(InpaintingParity, HarmonicFillsAgree) {
  for (const auto& name : cases()) {
    const at::Tensor filled = inpaint_harmonically(batch(name, ".original"), mask(name));
    EXPECT_LE((filled - batch(name, ".harmonic")).abs().max().item<double>(), 1e-6) << name;
  }
}

}  // namespace
}  // namespace gm::parity
