// The loader with images: their order, errors, stopping and memory. sequences_test.cpp shows that
// it knows nothing of images.
#include "data/loader.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "data/image_reader.h"
#include "data/shard_order.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/memory.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

constexpr ImageShape kLoaderShape{4, 6, 3};
constexpr int64_t kImages = 103;

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() {
    write_numbered_file(folder_ / "a.h5", kLoaderShape, kImages, {"cat", "dog", "wild"});
    dataset_ = std::make_shared<const ImageDataset>(folder_ / "a.h5");
  }

  /// What a test varies: `order` is without the size of the dataset.
  struct Setting {
    ShardOrder::Options order;
    Loader::Options loader = {};
    AugmentationOptions augmentation = {};
  };

  static Loader loader_of(const std::shared_ptr<const ImageDataset>& dataset, Setting setting) {
    setting.order.dataset_size = dataset->size();
    return {std::make_unique<ShardOrder>(setting.order),
            std::make_unique<ImageReader>(dataset, setting.augmentation, setting.order.seed),
            setting.loader};
  }

  std::vector<Batch> load(const Setting& setting, int64_t batches) const {
    Loader loader = loader_of(dataset_, setting);
    std::vector<Batch> loaded;
    for (int64_t m = 0; m < batches; ++m) loaded.push_back(loader.next());
    return loaded;
  }

  TemporaryFolder folder_;
  std::shared_ptr<const ImageDataset> dataset_;
};

TEST_F(LoaderTest, ReturnsTheImagesInSampleOrderForSeveralEpochs) {
  const ShardOrder order({.dataset_size = kImages, .shards = 4, .batch_size = 12, .seed = 3});
  const auto batches = load({.order = {.shards = 4, .batch_size = 12, .seed = 3}}, 40);
  int64_t position = 0;
  for (const Batch& batch : batches) {
    ASSERT_EQ(batch.images.sizes(), (at::IntArrayRef{12, 3, 4, 6}));
    EXPECT_TRUE(batch.images.is_contiguous(at::MemoryFormat::ChannelsLast));
    const auto pixels =
        ((batch.images + 1) * 127.5).round().to(at::kByte).permute({0, 2, 3, 1}).contiguous();
    for (int64_t i = 0; i < 12; ++i, ++position) {
      const int64_t index = order.index_at(position);
      const auto expected = numbered_image(index, kLoaderShape);
      const auto* found = pixels.const_data_ptr<uint8_t>() + i * kLoaderShape.bytes();
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), found)) << position;
      EXPECT_EQ(batch.positions[i].item<int64_t>(), position);
      EXPECT_EQ(batch.labels[i].item<int64_t>(), index % 3);
    }
  }
}

TEST_F(LoaderTest, PixelsAreScaledToMinusOneToOne) {
  Hdf5ImageWriter writer(folder_ / "ends.h5", {1, 2, 1}, 1, {});
  writer.append(std::vector<uint8_t>{0, 255}, 0);
  writer.close();
  dataset_ = std::make_shared<const ImageDataset>(folder_ / "ends.h5");
  const Batch batch = load({.order = {.batch_size = 1}}, 1)[0];
  EXPECT_EQ(batch.images.flatten()[0].item<float>(), -1.0F);
  EXPECT_EQ(batch.images.flatten()[1].item<float>(), 1.0F);
  EXPECT_FALSE(batch.labels.defined());
}

TEST_F(LoaderTest, AllRanksTogetherLoadWhatOneRankLoads) {
  Setting options{.order = {.shards = 8, .batch_size = 24, .seed = 5},
                  .augmentation = {.resize_crop = 1.5, .flip = true}};
  const auto whole = load(options, 20);
  for (const int ranks : {2, 4, 8}) {
    std::vector<std::vector<Batch>> parts;
    for (int rank = 0; rank < ranks; ++rank) {
      options.order.rank = rank;
      options.order.ranks = ranks;
      parts.push_back(load(options, 20));
    }
    for (size_t m = 0; m < whole.size(); ++m) {
      std::vector<at::Tensor> images, positions, labels;
      for (const auto& part : parts) {
        images.push_back(part[m].images);
        positions.push_back(part[m].positions);
        labels.push_back(part[m].labels);
      }
      EXPECT_TRUE(at::equal(at::cat(images), whole[m].images));
      EXPECT_TRUE(at::equal(at::cat(positions), whole[m].positions));
      EXPECT_TRUE(at::equal(at::cat(labels), whole[m].labels));
    }
  }
}

TEST_F(LoaderTest, ResumesFromAnyMicroBatch) {
  Setting options{.order = {.shards = 8, .batch_size = 8, .seed = 5},
                  .augmentation = {.resize_crop = 1.5, .flip = true}};
  const auto whole = load(options, 30);
  options.loader.first_micro_batch = 17;
  const auto rest = load(options, 13);
  for (size_t m = 0; m < rest.size(); ++m) {
    EXPECT_TRUE(at::equal(rest[m].images, whole[m + 17].images));
    EXPECT_TRUE(at::equal(rest[m].positions, whole[m + 17].positions));
  }
}

TEST_F(LoaderTest, AFailureInTheBackgroundReachesTheCaller) {
  Loader loader =
      loader_of(dataset_, {.order = {.shards = 8, .batch_size = 8}, .loader = {.prefetch = 1}});
  std::filesystem::resize_file(folder_ / "a.h5", 100);
  const auto load_on = [&] {
    for (int m = 0; m < 5; ++m) loader.next();
  };
  expect_error<Error>(load_on, HasSubstr("a.h5: /images: the file became shorter"));
  expect_error<Error>(load_on, HasSubstr("became shorter"));
}

TEST_F(LoaderTest, CanBeDestroyedAtAnyTime) {
  for (int batches = 0; batches < 50; ++batches)
    load({.order = {.shards = 8, .batch_size = 8}, .loader = {.prefetch = 1 + batches % 3}},
         batches % 5);
}

TEST_F(LoaderTest, StopsAtOnceInTheMiddleOfALargeBatch) {
  write_numbered_file(folder_ / "large.h5", {64, 64, 3}, 4096);
  const auto dataset = std::make_shared<const ImageDataset>(folder_ / "large.h5");
  const Setting options{.order = {.shards = 8, .batch_size = 4096},
                        .augmentation = {.resize_crop = 4.0, .flip = true}};
  const auto seconds_of = [](const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double whole_batch = seconds_of([&] { loader_of(dataset, options).next(); });
  EXPECT_LT(seconds_of([&] { const Loader stopped = loader_of(dataset, options); }),
            whole_batch / 4);
}

TEST_F(LoaderTest, UsesLittleMemoryForAFileOfFiveGigabytes) {
  constexpr ImageShape shape{32, 32, 3};
  constexpr int64_t images = (int64_t{5} << 30) / shape.bytes();
  // Nothing is written between creation and close: the file is sparse and takes little of the disk.
  Hdf5ImageWriter(folder_ / "5gb.h5", shape, images, {"cat"}).close();
  const auto dataset = std::make_shared<const ImageDataset>(folder_ / "5gb.h5");
  ASSERT_EQ(dataset->size(), images);
  const int64_t before = resident_bytes();
  Loader loader = loader_of(dataset, {.order = {.shards = 8, .batch_size = 256}});
  for (int m = 0; m < 200; ++m) loader.next();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int64_t limit_mebibytes = 1000;  // with the sanitizer's own memory
#else
  constexpr int64_t limit_mebibytes = 40;
#endif
  EXPECT_LT(resident_bytes() - before, limit_mebibytes << 20);
}

}  // namespace
}  // namespace gm
