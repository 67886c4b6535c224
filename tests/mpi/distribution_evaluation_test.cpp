// The distances of samples from images, as an evaluation: the same on any number of ranks, computed
// once for all runs, and the names of its figures.
#include "eval/distribution_evaluation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <map>

#include "comm/on_rank_zero.h"
#include "data/read_images.h"
#include "eval/feature_neighbours.h"
#include "eval/frechet_distance.h"
#include "eval/kernel_distance.h"
#include "eval/random_features.h"
#include "support/images.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"

namespace gm {
namespace {

constexpr ImageShape kDistributionShape{12, 12, 3};
constexpr int64_t kReferences = 21, kSamples = 18;  // Not divisible by 4 ranks.

/// Images that depend on their index alone.
class WaveGenerator final : public ImageGenerator {
 public:
  at::Tensor sample(const SampleRequest& request, const SamplingObserver& observer) override {
    const at::Tensor& indices = request.indices;
    observer(0, {});
    const at::Tensor x = at::arange(3 * 12 * 12, at::kFloat).view({1, 3, 12, 12});
    return (x * (indices.to(at::kFloat).view({-1, 1, 1, 1}) + 1) * 0.1).sin();
  }
};

/// Counts the images whose features are computed.
class CountingFeatures final : public FeatureExtractor {
 public:
  explicit CountingFeatures(std::string name)
      : FeatureExtractor(at::kCPU), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  std::string weights_hash() const override { return "1"; }
  int64_t dimension() const override { return 4; }
  int64_t side() const override { return 8; }
  int64_t count = 0;

 private:
  at::Tensor forward(const at::Tensor& pixels) override {
    count += pixels.size(0);
    return pixels.mean(at::IntArrayRef{1, 3}).slice(1, 0, 8, 2) / 255;
  }

  std::string name_;
};

class DistributionEvaluationTest : public testing::Test {
 protected:
  DistributionEvaluationTest() {
    on_rank_zero(ranks(), [&] {
      folder_.emplace();
      write_numbered_file(*folder_ / "data.h5", kDistributionShape, kReferences, {});
    });
    root_ = text_from_rank_zero(ranks(), [&] { return folder_->path().string(); });
    dataset_ = std::make_shared<const ImageDataset>(root_ / "data.h5");
  }
  ~DistributionEvaluationTest() override { ranks().barrier(); }

  static Communicator& ranks() { return test_world().communicator(); }
  DistributionEvaluation evaluation(std::shared_ptr<FeatureExtractor> extractor,
                                    DistributionMetrics metrics) const {
    return {dataset_,
            metrics,
            {.batch_size = 4, .seed = 3, .samples = kSamples},
            {std::move(extractor), root_ / "cache"},
            ranks()};
  }
  std::map<std::string, double> figures(std::shared_ptr<FeatureExtractor> extractor,
                                        DistributionMetrics metrics) {
    const EvaluationReport report = evaluation(std::move(extractor), metrics)
                                        .run({.name = "waves", .generator = &generator_}, {});
    EXPECT_EQ(report.name, "distribution");
    EXPECT_EQ(report.samples, kSamples);
    return {report.figures.begin(), report.figures.end()};
  }

  std::optional<TemporaryFolder> folder_;  // Only on rank 0.
  std::filesystem::path root_;
  std::shared_ptr<const ImageDataset> dataset_;
  WaveGenerator generator_;
};

constexpr DistributionMetrics kAllMetrics{
    .fd = true, .kid = true, .precision = true, .recall = true};

TEST_F(DistributionEvaluationTest, FiguresAreThoseOfAllImagesInOneBatch) {
  const auto found = figures(std::make_shared<RandomFeatures>(at::kCPU), kAllMetrics);

  RandomFeatures network(at::kCPU);
  SelfCommunicator alone;
  const at::Tensor samples = network.features(generator_.sample(
                       {3, at::arange(kSamples, at::kLong)}, [](int64_t, auto&) {})),
                   images =
                       network.features(read_images(*dataset_, at::arange(kReferences, at::kLong)));
  const auto statistics = [&](const at::Tensor& features) {
    FeatureMoments moments(features.size(1));
    moments.add(features);
    return moments.of_all_ranks(alone);
  };
  const KernelDistance kernel = kernel_distance(samples, images, alone);
  const PrecisionAndRecall neighbours = precision_and_recall(samples, images, alone);
  const std::map<std::string, double> expected{
      {"fd_random", frechet_distance(statistics(samples), statistics(images))},
      {"kd_random", kernel.value},
      {"kd_random_error", kernel.standard_error},
      {"kd_random_subsets", kernel_distance_of_subsets(samples, images, 3, alone)},
      {"precision_random", neighbours.precision},
      {"recall_random", neighbours.recall}};
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, value] : expected) {
    EXPECT_NEAR(found.at(name), value, 1e-6 * std::abs(value)) << name;
  }
}

TEST_F(DistributionEvaluationTest, FeaturesOfImagesAreComputedOnce) {
  const auto count_of = [&](DistributionMetrics metrics) {
    const auto extractor = std::make_shared<CountingFeatures>("counted");
    figures(extractor, metrics);
    const at::Tensor all = at::full({1}, extractor->count, at::kLong);
    ranks().all_reduce_sum(all);
    return all.item<int64_t>() - kSamples;
  };
  EXPECT_EQ(count_of({.fd = true}), kReferences);
  EXPECT_EQ(count_of({.fd = true}), 0);
  EXPECT_EQ(count_of(kAllMetrics), kReferences) << "single features were not kept";
  EXPECT_EQ(count_of(kAllMetrics), 0);
  EXPECT_EQ(count_of({.fd = true}), 0);
  on_rank_zero(ranks(), [&] {
    for (const auto& file : std::filesystem::directory_iterator(root_ / "cache")) {
      std::ofstream(file.path()) << "damaged";
    }
  });
  EXPECT_EQ(count_of({.fd = true}), kReferences);
}

TEST_F(DistributionEvaluationTest, DrawsSamplesBesideTheirNearestImages) {
  // A model that copies image number 20 - i.
  class Copier final : public ImageGenerator {
   public:
    explicit Copier(const ImageDataset& dataset) : dataset_(dataset) {}
    at::Tensor sample(const SampleRequest& request, const SamplingObserver&) override {
      return read_images(dataset_, 20 - request.indices);
    }

   private:
    const ImageDataset& dataset_;
  } copier(*dataset_);
  const auto drawn = evaluation(std::make_shared<RandomFeatures>(at::kCPU), {.fd = true})
                         .draw({{.name = "copier", .generator = &copier}}, {});
  ASSERT_TRUE(drawn);
  EXPECT_EQ(drawn->labels, (std::vector<std::string>{"copier", "nearest image"}));
  EXPECT_EQ(drawn->images.defined(), ranks().rank() == 0);
  if (ranks().rank() == 0) {
    ASSERT_EQ(drawn->images.sizes(), at::IntArrayRef({8, 12, 24, 3}));
    EXPECT_TRUE(drawn->images.narrow(2, 0, 12).equal(drawn->images.narrow(2, 12, 12)));
  }
}

TEST_F(DistributionEvaluationTest, OnlyTheNetworkOfTheFidGivesAnFid) {
  const auto names = [&](const char* network) {
    std::vector<std::string> found;
    for (const auto& [name, value] :
         figures(std::make_shared<CountingFeatures>(network), kAllMetrics)) {
      found.push_back(name);
    }
    return found;
  };
  EXPECT_THAT(names("inception"),
              testing::UnorderedElementsAre("fid", "kid", "kid_error", "kid_subsets",
                                            "precision_inception", "recall_inception"));
  EXPECT_THAT(names("other"),
              testing::UnorderedElementsAre("fd_other", "kd_other", "kd_other_error",
                                            "kd_other_subsets", "precision_other", "recall_other"));
}

}  // namespace
}  // namespace gm
