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

class InpaintingEvaluationTest : public testing::Test {
 protected:
  InpaintingEvaluationTest() {
    on_rank_zero(ranks(), [&] {
      folder_.emplace();
      write_numbered_file(*folder_ / "data.h5", kEvaluationShape, kImages, {});
    });
    const std::string root = text_from_rank_zero(ranks(), [&] { return folder_->path().string(); });
    dataset_ = std::make_shared<const ImageDataset>(root + "/data.h5");
  }
  ~InpaintingEvaluationTest() override { ranks().barrier(); }

  static Communicator& ranks() { return test_world().communicator(); }
  MaskedDataset images() const {
    return {dataset_,
            MaskConfig{
                .kind = MaskKind::kPixels, .coverage_min = 0.05, .coverage_max = 0.9, .path = {}},
            /*seed=*/3};
  }
  InpaintingEvaluation evaluation(int64_t count, int64_t batch_size) const {
    return {images(), {.count = count, .batch_size = batch_size}, ranks()};
  }

  std::optional<TemporaryFolder> folder_;  // Only on rank 0.
  std::shared_ptr<const ImageDataset> dataset_;
};

/// Inpaints with the mean, brightened by an amount that depends on the index of the image.
class FillByIndex final : public Inpainter {
 public:
  at::Tensor inpaint(const MaskedImages& masked_images, uint64_t, const at::Tensor& indices,
                     const SamplingObserver& observer) override {
    observer(0, {});
    const at::Tensor shift = indices.to(at::kFloat).view({-1, 1, 1, 1}) / 100;
    const at::Tensor filled = inpaint_with_mean(masked_images.images, masked_images.masks) + shift;
    return at::where(masked_images.masks > 0.5, filled, masked_images.images);
  }
};

TEST_F(InpaintingEvaluationTest, CountsEachImageOnceOnAnyNumberOfRanks) {
  FillByIndex by_index;
  int64_t begun = 0, done = 0;
  const EvaluationReport report =
      evaluation(kImages, 4)
          .run({.name = "by index", .inpainter = &by_index},
               {.begin_batch = [&] { ++begun; },
                .end_batch = [&](int64_t samples) { done += samples; }});
  EXPECT_GT(begun, 1);
  EXPECT_GE(done, kImages) << "the last batches may be filled up";

  // The expected values: all images in one batch, on this rank alone.
  const at::Tensor indices = at::arange(kImages, at::kLong);
  const MaskedImages truth = images().at(indices);
  const auto qualities = image_metrics(by_index.inpaint(truth, 0, indices, [](int64_t, auto&) {}),
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
  EXPECT_EQ(report.samples, kImages);
  EXPECT_EQ(report.name, "inpainting");
  EXPECT_EQ(report.provenance, (Provenance{{"seed", 0},
                                           {"images_hash", dataset_->content_hash()},
                                           {"masks_hash", images().masks_hash()}}));
  EXPECT_EQ(report.figures.size(), expected.size());
  for (const auto& [name, value] : report.figures) {
    EXPECT_NEAR(value, expected.at(name), 1e-9) << name;
  }
  EXPECT_GT(std::ranges::count_if(by_area, [](int64_t n) { return n > 0; }), 4);
  ASSERT_TRUE(report.breakdown);
  for (const FigureBin& bin : report.breakdown->bins) {
    EXPECT_EQ(bin.samples, by_area[static_cast<size_t>(std::lround(bin.from * 10))]);
  }
}

TEST_F(InpaintingEvaluationTest, EvaluatesNoMoreImagesThanRequested) {
  InpaintingEvaluation three = evaluation(3, 50);
  EXPECT_EQ(three.samples(), 3);
  EXPECT_EQ(three.run(three.baselines().front(), {}).samples, 3);
  EXPECT_EQ(evaluation(1000, 50).samples(), kImages);
}

TEST_F(InpaintingEvaluationTest, DrawsItsMethodsOnRankZero) {
  InpaintingEvaluation shown = evaluation(kImages, 4);
  const auto drawn = shown.draw(shown.baselines(), {});
  ASSERT_TRUE(drawn);
  EXPECT_EQ(drawn->labels,
            (std::vector<std::string>{"original", "masked", "mean fill", "harmonic fill"}));
  EXPECT_EQ(drawn->images.defined(), ranks().rank() == 0);
  if (ranks().rank() == 0) {
    EXPECT_EQ(drawn->images.sizes(), at::IntArrayRef({8, 2 * 16, 4 * 16, 3}));
  }
}

}  // namespace
}  // namespace gm
