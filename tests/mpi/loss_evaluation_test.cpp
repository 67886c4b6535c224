// The losses on training and held-out images, divided among ranks: each image counts once.
#include "eval/loss_evaluation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <map>

#include "base/error.h"
#include "comm/on_rank_zero.h"
#include "data/read_images.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"

namespace gm {
namespace {

constexpr ImageShape kLossShape{8, 8, 1};
constexpr int64_t kLossTimesteps = 50;

/// A model whose loss is a known function of everything that it may depend on.
class KnownLosses final : public Task, public DiffusionLosses {
 public:
  std::vector<Phase> phases() override { return {}; }
  Network& sampled_network() override { return network_; }
  DiffusionLosses* diffusion_losses() override { return this; }
  int64_t timesteps() const override { return kLossTimesteps; }
  at::Tensor losses_at(const Point& point, const Batch& batch, const MaskMaker& masks) override {
    return known_losses(point, batch, masks(batch.positions));
  }

  static at::Tensor known_losses(const Point& point, const Batch& batch, const at::Tensor& masks) {
    const double of_point =
        static_cast<double>(point.timestep) + 0.1 * static_cast<double>(point.seed);
    return (batch.images.mean({1, 2, 3}) + masks.mean({1, 2, 3}) + 0.01 * batch.positions +
            0.001 * batch.labels) *
           of_point;
  }

 private:
  struct Empty : Network {};
  Empty network_;
};

class LossEvaluationTest : public testing::Test {
 protected:
  LossEvaluationTest() {
    on_rank_zero(ranks(), [&] {
      folder_.emplace();
      write_numbered_file(*folder_ / "data.h5", kLossShape, 60, {"a", "b", "c"}, 0, 0.3);
    });
    path_ = text_from_rank_zero(ranks(), [&] { return (*folder_ / "data.h5").string(); });
  }
  ~LossEvaluationTest() override { ranks().barrier(); }

  static Communicator& ranks() { return test_world().communicator(); }
  std::shared_ptr<const ImageDataset> part(Part part) const {
    return std::make_shared<const ImageDataset>(path_, "all", part);
  }

  std::optional<TemporaryFolder> folder_;  // Only on rank 0.
  std::string path_;
  const MaskConfig mask_ = {};
};

TEST_F(LossEvaluationTest, TimestepsAreTheMiddlesOfEightEqualParts) {
  EXPECT_THAT(evaluated_timesteps(50), testing::ElementsAre(3, 9, 15, 21, 28, 34, 40, 46));
  EXPECT_THAT(evaluated_timesteps(1000),
              testing::ElementsAre(62, 187, 312, 437, 562, 687, 812, 937));
  EXPECT_THAT(evaluated_timesteps(3), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(evaluated_timesteps(1), testing::ElementsAre(0));
}

TEST_F(LossEvaluationTest, FiguresAreMeansOverImagesAndTimestepsOnAnyNumberOfRanks) {
  const auto training = part(Part::kTraining), held_out = part(Part::kHeldOut);
  ASSERT_GT(training->size(), held_out->size());
  for (const int64_t asked : {7, 1000}) {  // also more than there are
    const int64_t count = std::min(asked, held_out->size());
    LossEvaluation evaluation({training, held_out}, mask_, {{"diffusion_loss", "l1"}},
                              {.count = asked, .batch_size = 3, .seed = 5}, ranks());
    KnownLosses model;
    const EvaluationReport report = evaluation.run(method_of(model), {});

    const MaskSource masks(mask_, 8, 8, 5, Stream::kEvaluationMask);
    const auto expected = [&](const ImageDataset& images, const std::vector<int64_t>& timesteps) {
      double sum = 0;
      for (int64_t i = 0; i < count; ++i) {
        const at::Tensor index = at::full({1}, i * images.size() / count, at::kLong);
        for (const int64_t timestep : timesteps) {
          sum += KnownLosses::known_losses({.timestep = timestep, .seed = 5},
                                           read_batch(images, index), masks.masks(index))
                     .item<double>();
        }
      }
      return sum / static_cast<double>(count * std::ssize(timesteps));
    };
    const auto timesteps = evaluated_timesteps(kLossTimesteps);
    const double of_training = expected(*training, timesteps);
    const double of_held_out = expected(*held_out, timesteps);
    ASSERT_NE(of_training, of_held_out);
    std::map<std::string, double> figures(report.figures.begin(), report.figures.end());
    EXPECT_NEAR(figures.at("loss_train") / of_training, 1, 1e-6);
    EXPECT_NEAR(figures.at("loss_held_out") / of_held_out, 1, 1e-6);
    EXPECT_DOUBLE_EQ(figures.at("loss_gap"),
                     figures.at("loss_held_out") - figures.at("loss_train"));
    EXPECT_EQ(report.name, "loss");
    EXPECT_EQ(report.samples, count);
    EXPECT_EQ(report.provenance, (Provenance{{"seed", 5},
                                             {"training_hash", training->content_hash()},
                                             {"held_out_hash", held_out->content_hash()},
                                             {"masks_hash", masks.content_hash()},
                                             {"diffusion_loss", "l1"}}));

    ASSERT_EQ(report.breakdown->bins.size(), 8U);
    const FigureBin& third = report.breakdown->bins[2];
    EXPECT_EQ(third.from, 0.25);
    EXPECT_EQ(third.samples, count);
    EXPECT_NEAR(third.figures[1].second / expected(*held_out, {timesteps[2]}), 1, 1e-6);
  }
}

TEST_F(LossEvaluationTest, ObserversSeeEachCallOfTheNetworkAndEachImage) {
  LossEvaluation evaluation({part(Part::kTraining), part(Part::kHeldOut)}, mask_, {},
                            {.count = 9, .batch_size = 2}, ranks());
  ASSERT_EQ(evaluation.samples(), 9);
  KnownLosses model;
  int64_t begun = 0, done = 0;
  evaluation.run(method_of(model), {.begin_batch = [&] { ++begun; },
                                    .end_batch = [&](int64_t samples) { done += samples; }});
  const int64_t images_of_a_batch = 2 * ranks().size();
  const int64_t batches = (9 + images_of_a_batch - 1) / images_of_a_batch;
  EXPECT_EQ(begun, 16 * batches) << "eight timesteps of two datasets";
  EXPECT_GE(done, evaluation.samples());
}

TEST_F(LossEvaluationTest, TrainingImagesAreNotHeldOut) {
  expect_error<InputError>(
      [&] {
        LossEvaluation({part(Part::kTraining), part(Part::kTraining)}, mask_, {}, {}, ranks());
      },
      testing::AllOf(testing::HasSubstr("data.h5"), testing::HasSubstr("gm_data pack --holdout"),
                     testing::HasSubstr("gm_eval --data")));
}

}  // namespace
}  // namespace gm
