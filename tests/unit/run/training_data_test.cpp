// The table of datasets: images, and what a new kind needs.
#include "run/training_data.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/loader.h"
#include "data/shard_order.h"
#include "support/config_with.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class TrainingDataTest : public testing::Test {
 protected:
  TrainingDataTest() {
    config_.data.image_size = 4;
    config_.data.shards = 2;
    config_.train.batch_size = 2;
  }

  TrainingData open(const std::string& path) {
    return open_training_data(path, config_, world_.communicator());
  }
  /// The first micro-batches of the dataset.
  std::vector<Batch> load(const TrainingData& data, int64_t count) {
    Loader loader(data.make_order(config_, world_), data.make_reader(config_), {});
    std::vector<Batch> batches;
    for (int64_t i = 0; i < count; ++i) batches.push_back(loader.next());
    return batches;
  }

  TemporaryFolder folder_;
  World world_;
  RunConfig config_;
};

TEST_F(TrainingDataTest, ImagesAreReadWithTheirShapeAndHash) {
  const std::string path = (folder_ / "images.h5").string();
  write_numbered_file(path, {4, 4, 3}, 1200);
  const TrainingData data = open(path);
  EXPECT_EQ(data.size, 1200);
  EXPECT_EQ(data.description, "1,200 images, 4x4x3");
  EXPECT_EQ(data.content_hash, ImageDataset(path, "all", Part::kTraining).content_hash());
  EXPECT_EQ(data.sample_shape, (std::vector<int64_t>{3, 4, 4}));
  EXPECT_EQ(load(data, 1).front().images.sizes(), (at::IntArrayRef{2, 3, 4, 4}));
}

TEST_F(TrainingDataTest, ClassesAreCountedIfTheRunUsesThem) {
  const std::string path = (folder_ / "images.h5").string();
  write_numbered_file(path, {4, 4, 1}, 12, {"cat", "dog", "wild"});
  EXPECT_EQ(open(path).classes, 0);
  config_.diffusion.condition = DiffusionCondition::kClass;
  const TrainingData data = open(path);
  EXPECT_EQ(data.classes, 3);
  EXPECT_EQ(data.description, "12 images, 4x4x1, 3 classes");
  config_.data.classes = "dog, cat, wild";
  EXPECT_EQ(open(path).classes, 3);
}

TEST_F(TrainingDataTest, ARunWithClassesNeedsTheLabelsOfAll) {
  config_.diffusion.condition = DiffusionCondition::kClass;
  const std::string named = (folder_ / "named.h5").string();
  write_numbered_file(named, {4, 4, 1}, 12, {"cat", "dog", "wild"});
  config_.data.classes = "dog,cat";
  expect_error<InputError>([&] { open(named); },
                           AllOf(HasSubstr("named.h5: data.classes is dog,cat"),
                                 HasSubstr("all 3 classes"), HasSubstr("--classes")));
  config_.data.classes = "all";
  const std::string unnamed = (folder_ / "unnamed.h5").string();
  write_numbered_file(unnamed, {4, 4, 1}, 12);
  expect_error<InputError>(
      [&] { open(unnamed); },
      AllOf(HasSubstr("unnamed.h5: the images have no labels, which diffusion.condition"),
            HasSubstr("\"none\"")));
}

/// Ten sequences of three equal numbers.
class NumbersReader final : public BatchReader {
 public:
  Batch read(std::span<const Sample> samples, const std::stop_token&) override {
    std::vector<int64_t> numbers, positions;
    for (const auto& [index, position] : samples) {
      numbers.push_back(index);
      positions.push_back(position);
    }
    return {.tokens = at::tensor(numbers, at::kLong).view({-1, 1}).expand({-1, 3}),
            .positions = at::tensor(positions, at::kLong)};
  }
};

TrainingData open_numbers(const std::string&, const RunConfig&, Communicator&) {
  return {.size = 10,
          .description = "10 numbers",
          .content_hash = "numbers",
          .sample_shape = {3},
          .make_order = [](const RunConfig& run, World&) -> std::unique_ptr<SampleOrder> {
            return std::make_unique<ShardOrder>(ShardOrder::Options{
                .dataset_size = 10, .shards = 1, .batch_size = run.train.batch_size});
          },
          .make_reader = [](const RunConfig&) -> std::unique_ptr<BatchReader> {
            return std::make_unique<NumbersReader>();
          }};
}

class ToyDataset : public TrainingDataTest {
 protected:
  void SetUp() override {
    dataset_kinds().insert(
        dataset_kinds().begin(),
        {.name = "numbers",
         .recognizes = [](const std::string& path) { return path.ends_with(".numbers"); },
         .open = open_numbers});
  }
  void TearDown() override { dataset_kinds().erase(dataset_kinds().begin()); }
};

TEST_F(ToyDataset, OneEntryInTheTableMakesItLoad) {
  const TrainingData data = open("a.numbers");
  EXPECT_EQ(data.images, nullptr);
  std::vector<int64_t> seen;
  for (const Batch& batch : load(data, 5)) {
    EXPECT_EQ(batch.tokens.sizes(), (at::IntArrayRef{2, 3}));
    for (int64_t i = 0; i < 2; ++i) seen.push_back(batch.tokens[i][2].item<int64_t>());
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)) << "an epoch";
}

TEST_F(ToyDataset, OtherPathsStayImages) {
  const std::string path = (folder_ / "images.h5").string();
  write_numbered_file(path, {4, 4, 1}, 4);
  EXPECT_NE(open(path).images, nullptr);
}

}  // namespace
}  // namespace gm
