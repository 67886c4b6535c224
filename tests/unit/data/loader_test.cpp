// The loader: order of images, errors, stopping and memory.
#include "data/loader.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "data/sample_order.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/memory.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

constexpr ImageShape kLoaderShape{4, 6, 3};
constexpr int64_t kImages = 103;

class Loader : public ::testing::Test {
 protected:
  Loader() {
    write_numbered_file(folder_ / "a.h5", kLoaderShape, kImages, {"cat", "dog", "wild"});
    dataset_ = std::make_shared<const ImageDataset>(folder_ / "a.h5");
  }

  std::vector<Batch> load(const LoaderOptions& options, int64_t batches) const {
    ImageLoader loader(dataset_, options);
    std::vector<Batch> loaded;
    for (int64_t m = 0; m < batches; ++m) loaded.push_back(loader.next());
    return loaded;
  }

  TemporaryFolder folder_;
  std::shared_ptr<const ImageDataset> dataset_;
};

TEST_F(Loader, ReturnsTheImagesInSampleOrderForSeveralEpochs) {
  const SampleOrder order(kImages, 4, 12, 3);
  const auto batches = load({.batch_size = 12, .shards = 4, .seed = 3}, 40);
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

TEST_F(Loader, PixelsAreScaledToMinusOneToOne) {
  Hdf5ImageWriter writer(folder_ / "ends.h5", {1, 2, 1}, 1, {});
  writer.append(std::vector<uint8_t>{0, 255}, 0);
  writer.close();
  dataset_ = std::make_shared<const ImageDataset>(folder_ / "ends.h5");
  const Batch batch = load({.batch_size = 1, .shards = 1}, 1)[0];
  EXPECT_EQ(batch.images.flatten()[0].item<float>(), -1.0F);
  EXPECT_EQ(batch.images.flatten()[1].item<float>(), 1.0F);
  EXPECT_FALSE(batch.labels.defined());
}

TEST_F(Loader, AllRanksTogetherLoadWhatOneRankLoads) {
  LoaderOptions options{.batch_size = 24, .shards = 8, .seed = 5};
  options.augmentation = {.resize_crop = 1.5, .flip = true};
  const auto whole = load(options, 20);
  for (const int ranks : {2, 4, 8}) {
    std::vector<std::vector<Batch>> parts;
    for (int rank = 0; rank < ranks; ++rank) {
      options.rank = rank;
      options.ranks = ranks;
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

TEST_F(Loader, ResumesFromAnyMicroBatch) {
  LoaderOptions options{.batch_size = 8, .shards = 8, .seed = 5};
  options.augmentation = {.resize_crop = 1.5, .flip = true};
  const auto whole = load(options, 30);
  options.first_micro_batch = 17;
  const auto rest = load(options, 13);
  for (size_t m = 0; m < rest.size(); ++m) {
    EXPECT_TRUE(at::equal(rest[m].images, whole[m + 17].images));
    EXPECT_TRUE(at::equal(rest[m].positions, whole[m + 17].positions));
  }
}

TEST_F(Loader, RefusesSizesThatAreNotDivisible) {
  expect_error<InputError>([&] { load({.batch_size = 32, .shards = 8, .ranks = 3}, 1); },
                           HasSubstr("3 ranks do not divide"));
  expect_error<InputError>([&] { load({.batch_size = 104, .shards = 8}, 1); },
                           HasSubstr("fewer than the 104"));
}

TEST_F(Loader, AFailureInTheBackgroundReachesTheCaller) {
  ImageLoader loader(dataset_, {.batch_size = 8, .shards = 8, .prefetch = 1});
  std::filesystem::resize_file(folder_ / "a.h5", 100);
  const auto load_on = [&] {
    for (int m = 0; m < 5; ++m) loader.next();
  };
  expect_error<Error>(load_on, HasSubstr("a.h5: /images: the file became shorter"));
  expect_error<Error>(load_on, HasSubstr("became shorter"));
}

TEST_F(Loader, CanBeDestroyedAtAnyTime) {
  for (int batches = 0; batches < 50; ++batches)
    load({.batch_size = 8, .shards = 8, .prefetch = 1 + batches % 3}, batches % 5);
}

TEST_F(Loader, StopsAtOnceInTheMiddleOfALargeBatch) {
  write_numbered_file(folder_ / "large.h5", {64, 64, 3}, 4096);
  const auto dataset = std::make_shared<const ImageDataset>(folder_ / "large.h5");
  LoaderOptions options{.batch_size = 4096, .shards = 8};
  options.augmentation = {.resize_crop = 4.0, .flip = true};
  const auto seconds_of = [](const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double whole_batch = seconds_of([&] { ImageLoader(dataset, options).next(); });
  EXPECT_LT(seconds_of([&] { const ImageLoader stopped(dataset, options); }), whole_batch / 4);
}

TEST_F(Loader, UsesLittleMemoryForAFileOfFiveGigabytes) {
  constexpr ImageShape shape{32, 32, 3};
  constexpr int64_t images = (int64_t{5} << 30) / shape.bytes();
  // Nothing is written between creation and close: the file is sparse and takes little of the disk.
  Hdf5ImageWriter(folder_ / "5gb.h5", shape, images, {"cat"}).close();
  const auto dataset = std::make_shared<const ImageDataset>(folder_ / "5gb.h5");
  ASSERT_EQ(dataset->size(), images);
  const int64_t before = resident_bytes();
  ImageLoader loader(dataset, {.batch_size = 256, .shards = 8, .prefetch = 4});
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
