// The distances of samples from images, as an evaluation: the same on any number of ranks, computed
// once for all runs, and the names of its figures.
#include "eval/distribution_evaluation.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <map>

#include "base/error.h"
#include "comm/on_rank_zero.h"
#include "data/read_images.h"
#include "eval/class_distances.h"
#include "eval/draw_indices.h"
#include "eval/feature_neighbours.h"
#include "eval/frechet_distance.h"
#include "eval/kernel_distance.h"
#include "eval/random_features.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/temporary_folder.h"
#include "support/test_world.h"

namespace gm {
namespace {

constexpr ImageShape kDistributionShape{12, 12, 3};
constexpr int64_t kReferences = 21, kSamples = 18;  // Not divisible by 4 ranks.
const EvaluateConfig kSettings{.batch_size = 4, .seed = 3, .samples = kSamples};

/// Images that depend on seed and index.
class WaveGenerator final : public ImageGenerator {
 public:
  at::Tensor sample(const SampleRequest& request, const SamplingObserver& observer) override {
    const at::Tensor& indices = request.indices;
    observer(0, {});
    const at::Tensor x = at::arange(3 * 12 * 12, at::kFloat).view({1, 3, 12, 12});
    const auto shift = static_cast<double>(request.seed) * 0.5;
    return (x * (indices.to(at::kFloat).view({-1, 1, 1, 1}) + 1) * 0.1 + shift).sin();
  }
};

/// Counts the images whose features are computed.
class CountingFeatures final : public FeatureExtractor {
 public:
  explicit CountingFeatures(std::string name)
      : FeatureExtractor(at::kCPU), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  std::string weights_sha256() const override { return "1"; }
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
    return {{.references = references(std::move(extractor))}, metrics, kSettings, ranks()};
  }
  std::shared_ptr<ReferenceFeatures> references(std::shared_ptr<FeatureExtractor> extractor) const {
    return std::make_shared<ReferenceFeatures>(
        dataset_, FeatureSource{std::move(extractor), root_ / "cache", kSettings.batch_size},
        kSettings.samples, ranks());
  }
  std::map<std::string, double> figures(std::shared_ptr<FeatureExtractor> extractor,
                                        DistributionMetrics metrics) {
    const EvaluationReport report = evaluation(std::move(extractor), metrics)
                                        .run({.name = "waves", .generator = &generator_}, {});
    EXPECT_EQ(report.name, "distribution");
    EXPECT_EQ(report.samples, kSamples);
    provenance_ = report.provenance;
    return {report.figures.begin(), report.figures.end()};
  }

  std::optional<TemporaryFolder> folder_;  // Only on rank 0.
  std::filesystem::path root_;
  std::shared_ptr<const ImageDataset> dataset_;
  WaveGenerator generator_;
  Provenance provenance_;  ///< Of the last figures().
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
  // The halves of the images, as large as possible.
  const at::Tensor drawn = draw_indices(kReferences, 20, CounterRng(0, Stream::kFeatureHalves, 0));
  const at::Tensor first = images.index_select(0, drawn.narrow(0, 0, 10)),
                   second = images.index_select(0, drawn.narrow(0, 10, 10));
  const std::map<std::string, double> expected{
      {"fd_random", frechet_distance(statistics(samples), statistics(images))},
      {"kd_random", kernel.value},
      {"kd_random_error", kernel.standard_error},
      {"kd_random_subsets", kernel_distance_of_subsets(samples, images, 3, alone)},
      {"precision_random", neighbours.precision},
      {"recall_random", neighbours.recall},
      {"fd_random_floor", frechet_distance(statistics(first), statistics(second))}};
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, value] : expected) {
    EXPECT_NEAR(found.at(name), value, 1e-6 * std::abs(value)) << name;
  }
  const auto without_features = figures(std::make_shared<RandomFeatures>(at::kCPU), {.fd = true});
  EXPECT_EQ(without_features.at("fd_random_floor"), found.at("fd_random_floor")) << "it was stored";
}

TEST_F(DistributionEvaluationTest, TheFloorNeedsNoSingleFeatures) {
  const double from_moments =
      figures(std::make_shared<RandomFeatures>(at::kCPU), {.fd = true}).at("fd_random_floor");
  on_rank_zero(ranks(), [&] { std::filesystem::remove_all(root_ / "cache"); });
  const double from_features =
      figures(std::make_shared<RandomFeatures>(at::kCPU), {.fd = true, .kid = true})
          .at("fd_random_floor");
  EXPECT_NEAR(from_moments, from_features, 1e-9 * from_features);
}

TEST_F(DistributionEvaluationTest, FiguresOfSeveralSeedsAreTheirMean) {
  const auto network = std::make_shared<RandomFeatures>(at::kCPU);
  const auto report = evaluation(network, {.fd = true, .seeds = 3})
                          .run({.name = "waves", .generator = &generator_}, {});
  ASSERT_EQ(report.by_seed.size(), 3U);
  double sum = 0;
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(report.by_seed[i].seed, static_cast<uint64_t>(kSettings.seed) + i);
    const auto& [figure, value] = report.by_seed[i].figures.at(0);
    EXPECT_EQ(figure, "fd_random");
    sum += value;
  }
  EXPECT_NE(report.by_seed[0].figures, report.by_seed[1].figures);
  EXPECT_NEAR(report.figures.at(0).second, sum / 3, 1e-12 * sum);
  const auto one = figures(network, {.fd = true});
  EXPECT_EQ(report.by_seed[0].figures.at(0).second, one.at("fd_random"));
}

TEST_F(DistributionEvaluationTest, StoredFeaturesReplaceTheImages) {
  const auto network = std::make_shared<RandomFeatures>(at::kCPU);
  const auto expected = figures(network, {.fd = true});
  const auto file = FeatureCache(root_ / "cache", ranks()).file_of(references(network)->key());
  const auto stored = [&](std::shared_ptr<FeatureExtractor> extractor) {
    return std::make_shared<ReferenceFeatures>(
        file, FeatureSource{std::move(extractor), root_ / "other_cache", kSettings.batch_size},
        kSettings.samples, ranks());
  };
  const auto figures_with = [&](DistributionMetrics metrics) {
    const Figures found =
        DistributionEvaluation({.references = stored(network)}, metrics, kSettings, ranks())
            .run({.name = "waves", .generator = &generator_}, {})
            .figures;
    return std::map<std::string, double>(found.begin(), found.end());
  };
  EXPECT_EQ(figures_with({.fd = true}).at("fd_random"), expected.at("fd_random"));
  EXPECT_FALSE(figures_with({.fd = true}).contains("fd_random_floor"))
      << "statistics have no halves";
  expect_error<InputError>([&] { figures_with({.kid = true}); },
                           testing::HasSubstr("holds statistics only"));
  expect_error<InputError>(
      [&] { stored(std::make_shared<CountingFeatures>("other")); },
      testing::HasSubstr("features of random, but evaluate.extractor is other"));
  expect_error<InputError>([&] { stored_key(root_ / "data.h5", ranks()); },
                           testing::HasSubstr("not a safetensors file"));
  require_same_images(file, *dataset_, ranks());
  on_rank_zero(ranks(), [&] { write_numbered_file(root_ / "more.h5", kDistributionShape, 22); });
  expect_error<InputError>(
      [&] { require_same_images(file, ImageDataset(root_ / "more.h5"), ranks()); },
      testing::HasSubstr("features of 21 images"));

  EXPECT_EQ(figures(network, {.fd = true, .kid = true}).size(), 5U);  // stores single features
  EXPECT_TRUE(figures_with({.kid = true}).contains("kd_random"));
  on_rank_zero(ranks(), [&] { std::filesystem::remove_all(root_ / "other_cache"); });
  const auto with_features = figures_with({.fd = true});
  EXPECT_NEAR(with_features.at("fd_random_floor"), expected.at("fd_random_floor"),
              1e-9 * expected.at("fd_random_floor"));
}

TEST_F(DistributionEvaluationTest, AFloorOfAnotherSizeUsesTheStoredFeatures) {
  figures(std::make_shared<CountingFeatures>("counted"), {.fd = true, .kid = true});
  const auto network = std::make_shared<CountingFeatures>("counted");
  EvaluateConfig fewer = kSettings;
  fewer.samples = 8;
  const auto images = std::make_shared<ReferenceFeatures>(
      dataset_, FeatureSource{network, root_ / "cache", 4}, fewer.samples, ranks());
  const auto report = DistributionEvaluation({.references = images}, {.fd = true}, fewer, ranks())
                          .run({.name = "waves", .generator = &generator_}, {});
  EXPECT_EQ(report.provenance.back(), (Provenance::value_type{"floor_images", 8}));
  const at::Tensor all = at::full({1}, network->count, at::kLong);
  ranks().all_reduce_sum(all);
  EXPECT_EQ(all.item<int64_t>(), fewer.samples) << "features of images were computed again";
}

TEST_F(DistributionEvaluationTest, EachFigureHasTheTimeLimitOfABatch) {
  const auto network = std::make_shared<CountingFeatures>("counted");
  const auto begun_with = [&](DistributionMetrics metrics) {
    int64_t begun = 0;
    evaluation(network, metrics)
        .run({.name = "waves", .generator = &generator_}, {.begin_batch = [&] { ++begun; }});
    return begun;
  };
  begun_with(kAllMetrics);  // fills the cache
  const int64_t of_fd = begun_with({.fd = true});
  EXPECT_EQ(begun_with(kAllMetrics), of_fd + 3) << "kid, its subsets, precision and recall";
}

TEST_F(DistributionEvaluationTest, NeighboursNeedNoSingleFeaturesOfReferences) {
  const auto network = std::make_shared<CountingFeatures>("counted");
  figures(network, {.fd = true});
  const auto file = FeatureCache(root_ / "cache", ranks()).file_of(references(network)->key());
  on_rank_zero(ranks(), [&] {
    write_numbered_file(root_ / "held.h5", kDistributionShape, 9, {}, /*first=*/100);
  });
  const FeatureSource source{network, root_ / "other", kSettings.batch_size};
  const auto held_out = std::make_shared<const ImageDataset>(root_ / "held.h5");
  const ComparedImages compared{
      .references = std::make_shared<ReferenceFeatures>(file, source, kSamples, ranks()),
      .training = std::make_shared<ReferenceFeatures>(dataset_, source, kSamples, ranks()),
      .held_out = std::make_shared<ReferenceFeatures>(held_out, source, kSamples, ranks())};
  DistributionEvaluation evaluation(compared, {.fd = true, .neighbours = true}, kSettings, ranks());
  const auto report = evaluation.run({.name = "waves", .generator = &generator_}, {});
  EXPECT_TRUE(find_figure(report.figures, "neighbours_near_counted"));
}

TEST_F(DistributionEvaluationTest, SaysWhatItsFiguresDependOn) {
  const auto network = std::make_shared<RandomFeatures>(at::kCPU);
  figures(network, {.fd = true});
  EXPECT_EQ(provenance_, (Provenance{{"seed", kSettings.seed},
                                     {"references", kReferences},
                                     {"references_hash", dataset_->content_hash()},
                                     {"extractor", "random"},
                                     {"extractor_sha256", network->weights_sha256()},
                                     {"resize", "clean-fid bicubic"},
                                     {"floor_images", kReferences / 2}}));
  EXPECT_EQ(network->weights_sha256().size(), 64U);
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

/// A model that copies image number 20 - i. The images differ by `noise`, the first ones by less.
class Copier final : public ImageGenerator {
 public:
  Copier(const ImageDataset& dataset, float noise) : dataset_(dataset), noise_(noise) {}
  at::Tensor sample(const SampleRequest& request, const SamplingObserver&) override {
    const at::Tensor images = read_images(dataset_, 20 - request.indices);
    return images + noise_ * request.indices.to(at::kFloat).view({-1, 1, 1, 1});
  }

 private:
  const ImageDataset& dataset_;
  float noise_;
};

TEST_F(DistributionEvaluationTest, DrawsTheSamplesThatAreNearestToAnImage) {
  Copier copier(*dataset_, 0.02F);
  const std::vector<Method> methods{{.name = "copier", .generator = &copier}};
  const auto network = std::make_shared<CountingFeatures>("counted");
  DistributionEvaluation with_pairs = evaluation(network, {.fd = true, .pairs = true});
  with_pairs.run(methods.front(), {});
  const auto drawn = with_pairs.draw(methods, {});
  ASSERT_TRUE(drawn);
  EXPECT_EQ(drawn->labels, (std::vector<std::string>{"copier", "nearest image"}));
  EXPECT_EQ(drawn->images.defined(), ranks().rank() == 0);
  if (ranks().rank() == 0) {
    ASSERT_EQ(drawn->images.sizes(), at::IntArrayRef({16, 12, 24, 3}));
    const at::Tensor nearest = drawn->images[0];
    EXPECT_TRUE(nearest.narrow(1, 0, 12).equal(nearest.narrow(1, 12, 12))) << "an exact copy";
  }
  const at::Tensor all = at::full({1}, network->count, at::kLong);
  ranks().all_reduce_sum(all);
  EXPECT_EQ(all.item<int64_t>(), kReferences + kSamples) << "computed twice";
}

TEST(ClassDistances, AreThoseOfTheFeaturesOfEachClass) {
  Communicator& ranks = test_world().communicator();
  const at::Tensor numbers = at::arange(3 * 40, at::kDouble).mul(12.9898).sin().mul(43758.5453);
  const at::Tensor features = numbers.frac().to(at::kFloat).view({40, 3});
  const at::Tensor labels = at::arange(40, at::kLong) % 3;
  const LabelledFeatures samples{features, labels},
      references{features + 0.1 * labels.view({-1, 1}), labels.eq(2).to(at::kLong) * 2};
  const auto bins = class_distances(samples, references, {"cat", "dog", "fox"},
                                    {.frechet = "fd", .kernel = "kd"}, ranks);
  ASSERT_EQ(bins.size(), 2U) << "there is no reference of a dog";
  EXPECT_EQ(bins[0].label, "cat");
  EXPECT_EQ(bins[1].label, "fox");
  EXPECT_EQ(bins[1].samples, 13);
  const at::Tensor foxes = labels.eq(2).nonzero().flatten();
  const at::Tensor ours = features.index_select(0, foxes), theirs = ours + 0.2;
  EXPECT_EQ(bins[1].figures.at(0).first, "fd");
  EXPECT_NEAR(bins[1].figures.at(0).second, 3 * 0.2 * 0.2, 1e-6) << "the means differ by 0.2";
  EXPECT_EQ(bins[1].figures.at(1).first, "kd");
  EXPECT_NEAR(bins[1].figures.at(1).second, kernel_distance(ours, theirs, ranks).value, 1e-6);
}

TEST_F(DistributionEvaluationTest, ClassesOfModelAndImagesHaveDistances) {
  class OfTwoClasses final : public ImageGenerator {
   public:
    at::Tensor sample(const SampleRequest& request, const SamplingObserver& observer) override {
      return waves_.sample(request, observer);
    }
    int64_t classes() const override { return 2; }
    at::Tensor labels(const at::Tensor& indices) const override {
      return at::remainder(indices, 2);
    }

   private:
    WaveGenerator waves_;
  } generator;
  on_rank_zero(ranks(), [&] {
    write_numbered_file(root_ / "classes.h5", kDistributionShape, 40, {"cat", "dog"});
  });
  const auto breakdown_with = [&](int64_t samples, std::vector<std::string> classes = {}) {
    const EvaluateConfig settings{.batch_size = 4, .seed = 3, .samples = samples};
    const auto images = std::make_shared<ReferenceFeatures>(
        std::make_shared<const ImageDataset>(root_ / "classes.h5"),
        FeatureSource{std::make_shared<RandomFeatures>(at::kCPU), root_ / "cache", 4}, samples,
        ranks());
    return DistributionEvaluation({.references = images}, {.fd = true, .kid = true}, settings,
                                  ranks())
        .run({.name = "waves", .generator = &generator, .classes = std::move(classes)}, {})
        .breakdown;
  };
  EXPECT_FALSE(breakdown_with(kSamples)) << "nine samples of each class";
  const auto breakdown = breakdown_with(24);
  ASSERT_TRUE(breakdown);
  EXPECT_EQ(breakdown->key, "by_class");
  ASSERT_EQ(breakdown->bins.size(), 2U);
  EXPECT_EQ(breakdown->bins[1].label, "dog");
  EXPECT_EQ(breakdown->bins[1].samples, 12);
  ASSERT_EQ(breakdown->bins[1].figures.size(), 2U) << "no fd in 64 dimensions from 12 samples";
  EXPECT_EQ(breakdown->bins[1].figures[0].first, "kd_random");

  const auto figures_of = [](const FigureBreakdown& found, const std::string& label) {
    return std::ranges::find(found.bins, label, &FigureBin::label)->figures;
  };
  const auto same = breakdown_with(24, {"cat", "dog"}),
             swapped = breakdown_with(24, {"dog", "cat"});
  EXPECT_EQ(figures_of(*same, "dog"), figures_of(*breakdown, "dog")) << "by number";
  EXPECT_NE(figures_of(*swapped, "dog"), figures_of(*same, "dog")) << "by name";
  EXPECT_EQ(swapped->bins[0].label, "cat") << "in the order of the images";
  expect_error<InputError>(
      [&] {
        breakdown_with(24, {"cat", "fox"});
      },
      testing::HasSubstr("waves: knows the classes cat, fox, but the images to compare with are "
                         "of the classes dog"));
}

TEST(MatchingLabels, AreThoseOfTheSameName) {
  const at::Tensor labels = matching_labels({"a", "b", "c"}, {"c", "a"}, "runs/a");
  EXPECT_TRUE(labels.equal(at::tensor({1, -1, 0}, at::kLong)));
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
              testing::UnorderedElementsAre("fid", "fid_floor", "kid", "kid_error", "kid_subsets",
                                            "precision_inception", "recall_inception"));
  EXPECT_THAT(names("other"), testing::UnorderedElementsAre(
                                  "fd_other", "fd_other_floor", "kd_other", "kd_other_error",
                                  "kd_other_subsets", "precision_other", "recall_other"));
}

}  // namespace
}  // namespace gm
