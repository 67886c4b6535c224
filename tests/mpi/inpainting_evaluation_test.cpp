// An evaluation divided among ranks: its metrics count every image once.
#include "eval/inpainting_evaluation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

#include "comm/on_rank_zero.h"
#include "eval/baselines.h"
#include "eval/image_metrics.h"
#include "support/images.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"

namespace gm {
namespace {

constexpr ImageShape kEvaluationShape{16, 16, 3};
constexpr int64_t kImages = 23;  // Not divisible by 2 or 4 ranks.

class InpaintingEvaluation : public testing::Test {
 protected:
  InpaintingEvaluation() {
    on_rank_zero(ranks(), [&] {
      folder_.emplace();
      write_numbered_file(*folder_ / "data.h5", kEvaluationShape, kImages, {});
    });
    const std::string root = text_from_rank_zero(ranks(), [&] { return folder_->path().string(); });
    images_.emplace(
        std::make_shared<const ImageDataset>(root + "/data.h5"),
        MaskConfig{.kind = "pixels", .coverage_min = 0.05, .coverage_max = 0.9, .path = {}},
        /*seed=*/3);
  }
  ~InpaintingEvaluation() override { ranks().barrier(); }

  static Communicator& ranks() { return test_world().communicator(); }

  std::optional<TemporaryFolder> folder_;  // Only on rank 0.
  std::optional<MaskedDataset> images_;
};

/// Inpaints with the mean, brightened by an amount that depends on the index of the image.
at::Tensor fill_by_index(const MaskedImages& masked_images, const at::Tensor& indices,
                         const SamplingObserver& observer) {
  observer(0, {});
  const at::Tensor shift = indices.to(at::kFloat).view({-1, 1, 1, 1}) / 100;
  const at::Tensor filled = inpaint_with_mean(masked_images.images, masked_images.masks) + shift;
  return at::where(masked_images.masks > 0.5, filled, masked_images.images);
}

TEST_F(InpaintingEvaluation, CountsEachImageOnceOnAnyNumberOfRanks) {
  const InpaintingReport report =
      evaluate_inpainting({.name = "by index", .inpaint = fill_by_index}, *images_,
                          {.count = kImages, .batch_size = 4}, ranks());

  // The expected values: all images in one batch, on this rank alone.
  const at::Tensor indices = at::arange(kImages, at::kLong);
  const MaskedImages truth = images_->at(indices);
  const auto qualities = image_metrics(fill_by_index(truth, indices, [](int64_t, const auto&) {}),
                                       truth.images, truth.masks);
  std::map<std::string, double> expected;
  double energy = 0, original = 0;
  std::vector<int64_t> by_area(10);
  for (const ImageMetrics& quality : qualities) {
    expected["psnr_masked"] += quality.masked.psnr / kImages;
    expected["psnr"] += quality.whole.psnr / kImages;
    expected["ssim_masked"] += quality.masked.ssim / kImages;
    expected["ssim"] += quality.whole.ssim / kImages;
    expected["l1_masked"] += quality.masked.l1 / kImages;
    expected["l1"] += quality.whole.l1 / kImages;
    energy += quality.gradient_energy;
    original += quality.original_gradient_energy;
    ++by_area[static_cast<size_t>(quality.missing * 10)];
  }
  expected["sharpness_masked"] = energy / original;
  EXPECT_EQ(report.all.images, kImages);
  EXPECT_EQ(report.all.values.size(), expected.size());
  for (const auto& [name, value] : report.all.values) {
    EXPECT_NEAR(value, expected.at(name), 1e-9) << name;
  }
  EXPECT_GT(std::ranges::count_if(by_area, [](int64_t n) { return n > 0; }), 4);
  for (const AreaBin& bin : report.bins) {
    EXPECT_EQ(bin.figures.images, by_area[static_cast<size_t>(std::lround(bin.from * 10))]);
  }
}

TEST_F(InpaintingEvaluation, EvaluatesNoMoreImagesThanRequested) {
  const InpaintMethod mean = baseline_methods().front();
  const auto report = evaluate_inpainting(mean, *images_, {.count = 3, .batch_size = 50}, ranks());
  EXPECT_EQ(report.all.images, 3);
}

}  // namespace
}  // namespace gm
