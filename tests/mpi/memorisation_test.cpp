// Whether a model copies its training images: samples that are copies, and samples that are images
// which the model has not seen.
#include "eval/memorisation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <map>
#include <optional>

#include "base/counter_rng.h"
#include "base/error.h"
#include "comm/on_rank_zero.h"
#include "data/pack/hdf5_image_writer.h"
#include "data/read_images.h"
#include "eval/distribution_evaluation.h"
#include "eval/random_features.h"
#include "image/image_grid.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"

namespace gm {
namespace {

using testing::HasSubstr;

constexpr int64_t kMemorySide = 16;
constexpr int64_t kTrainingImages = 80, kUnseenImages = 60, kCopies = 50;

/// Images number first, first + 1, ... of one distribution: 4 x 4 random blocks of colour.
at::Tensor block_images(int64_t first, int64_t count) {
  const at::Tensor coarse = at::empty({count, 3, 4, 4}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    CounterRng random(/*seed=*/1, Stream::kNoise, static_cast<uint64_t>(first + i));
    random.fill_normal({coarse[i].mutable_data_ptr<float>(), 48});
  }
  return at::upsample_nearest2d(coarse.mul(0.5).clamp(-1, 1), {kMemorySide, kMemorySide});
}

void write_block_images(const std::filesystem::path& path, int64_t first, int64_t count) {
  const at::Tensor pixels = to_pixels(block_images(first, count)).contiguous();
  const ImageShape shape{kMemorySide, kMemorySide, 3};
  Hdf5ImageWriter writer(path, shape, count, {}, 0);
  const auto bytes = static_cast<size_t>(shape.bytes());
  for (int64_t i = 0; i < count; ++i)
    writer.append({pixels[i].const_data_ptr<uint8_t>(), bytes}, 0);
  writer.close();
}

/// Makes the images of the distribution from number `first` on, with a little noise.
class BlockGenerator final : public ImageGenerator {
 public:
  explicit BlockGenerator(int64_t first) : first_(first) {}
  at::Tensor sample(const SampleRequest& request, const SamplingObserver&) override {
    const at::Tensor noise =
        at::arange(3 * kMemorySide * kMemorySide, at::kFloat).mul(7.1).sin().mul(0.02);
    return block_images(first_, kCopies).index_select(0, request.indices) +
           noise.view({1, 3, kMemorySide, kMemorySide});
  }

 private:
  int64_t first_;
};

class MemorisationTest : public testing::Test {
 protected:
  MemorisationTest() {
    on_rank_zero(ranks(), [&] {
      folder_.emplace();
      write_block_images(*folder_ / "training.h5", 0, kTrainingImages);
      write_block_images(*folder_ / "unseen.h5", 1000, kUnseenImages);
    });
    root_ = text_from_rank_zero(ranks(), [&] { return folder_->path().string(); });
  }
  ~MemorisationTest() override { ranks().barrier(); }

  static Communicator& ranks() { return test_world().communicator(); }
  std::shared_ptr<ReferenceFeatures> features_of(const char* file) const {
    return std::make_shared<ReferenceFeatures>(
        std::make_shared<const ImageDataset>(root_ / file),
        FeatureSource{std::make_shared<RandomFeatures>(at::kCPU), root_ / "cache", 16}, kCopies,
        ranks());
  }
  DistributionEvaluation evaluation() const {
    const auto unseen = features_of("unseen.h5");
    return {{.references = unseen, .training = features_of("training.h5"), .held_out = unseen},
            {.neighbours = true, .pairs = true},
            {.batch_size = 16, .samples = kCopies},
            ranks()};
  }
  /// Runs it on samples from number `first` on. Returns the figures and what rank 0 has logged.
  std::pair<std::map<std::string, double>, std::string> judge(int64_t first) {
    BlockGenerator generator(first);
    testing::internal::CaptureStderr();
    const Figures found = evaluation().run({.name = "model", .generator = &generator}, {}).figures;
    return {{found.begin(), found.end()}, testing::internal::GetCapturedStderr()};
  }

  std::optional<TemporaryFolder> folder_;  // Only on rank 0.
  std::filesystem::path root_;
};

TEST_F(MemorisationTest, CopiesAreFound) {
  const auto [figures, log] = judge(0);
  EXPECT_GT(figures.at("neighbours_near_random"), 0.9);
  EXPECT_LT(figures.at("neighbours_ratio_random"), 0.5);
  EXPECT_EQ(log.find("model seems to copy training images") != log.npos, ranks().rank() == 0);
}

TEST_F(MemorisationTest, ImagesThatTheModelHasNotSeenAreNoCopies) {
  const auto [figures, log] = judge(2000);
  EXPECT_LT(figures.at("neighbours_near_random"), kNearOfCopier);
  EXPECT_NEAR(figures.at("neighbours_ratio_random"), 1, 0.2);
  EXPECT_THAT(log, testing::Not(HasSubstr("copy")));
}

TEST_F(MemorisationTest, TheSheetShowsTrainingImages) {
  BlockGenerator copier(0);
  const std::vector<Method> methods{{.name = "copier", .generator = &copier}};
  DistributionEvaluation judged = evaluation();
  testing::internal::CaptureStderr();
  judged.run(methods.front(), {});
  testing::internal::GetCapturedStderr();
  const auto sheet = judged.draw(methods, {});
  ASSERT_TRUE(sheet);
  if (ranks().rank() != 0) return;
  const at::Tensor differences = sheet->images.narrow(2, 0, kMemorySide).to(at::kInt) -
                                 sheet->images.narrow(2, kMemorySide, kMemorySide).to(at::kInt);
  EXPECT_EQ(sheet->images.size(0), 16);
  EXPECT_LE(differences.abs().max().item<int>(), 4) << "not the image that was copied";
}

TEST(Memorisation, OfDistancesIsTheirRatioAndTheFractionOfNearOnes) {
  const at::Tensor held_out = at::arange(1, 101, at::kDouble);  // 5 % of them are below 5.95
  const Memorisation found =
      memorisation(at::tensor({2.0, 5.0, 6.0, 25.0, 80.0}).to(at::kDouble), held_out);
  EXPECT_DOUBLE_EQ(found.near, 0.4);
  EXPECT_DOUBLE_EQ(found.ratio, 6.0 / 50.0);
  expect_error<InputError>([&] { memorisation(held_out, at::zeros({3}, at::kDouble)); },
                           HasSubstr("are training images"));
}

}  // namespace
}  // namespace gm
