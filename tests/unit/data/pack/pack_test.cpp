// Packing as a whole: its output, which is the same for any number of jobs, and its errors.
#include "data/pack/pack.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "data/image_dataset.h"
#include "image/image_grid.h"
#include "support/expect_error.h"
#include "support/file_size_limit.h"
#include "support/idx.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kLimit = 64 << 20;

/// A PNG file whose pixels all have value `value`, in a frame of 2 dark pixels.
void write_png(const fs::path& path, int value, int64_t side = 20) {
  fs::create_directories(path.parent_path());
  write_image_grid(path, {at::full({1, side - 4, side - 4, 3}, value, at::kByte)},
                   {.columns = 1, .scale = 1});
}

/// Forty images: cat/NN.png with value NN, dog/NN.png with value 100 + NN.
void write_folder(const fs::path& folder) {
  for (int i = 0; i < 20; ++i) {
    write_png(folder / "cat" / fmt::format("{:02}.png", i), i);
    write_png(folder / "dog" / fmt::format("{:02}.png", i), 100 + i);
  }
}

uint8_t middle(const ImageDataset& dataset, int64_t index) {
  std::vector<uint8_t> pixels(static_cast<size_t>(dataset.shape().bytes()));
  dataset.read_image(index, pixels);
  const auto& shape = dataset.shape();
  return pixels[static_cast<size_t>((shape.height / 2 * shape.width + shape.width / 2) *
                                    shape.channels)];
}

TEST(Pack, PacksAFolderInOrder) {
  const TemporaryFolder in, out;
  write_folder(in.path());
  const auto report = pack_images({.input = in.path(), .output = out / "a.h5", .size = 12});
  EXPECT_EQ(report.packed, 40);
  EXPECT_EQ(report.skipped, 0);
  const ImageDataset dataset(out / "a.h5");
  EXPECT_EQ(dataset.shape(), (ImageShape{12, 12, 3}));
  EXPECT_THAT(dataset.classes(), ElementsAre("cat", "dog"));
  for (int64_t i = 0; i < 40; ++i) {
    EXPECT_EQ(middle(dataset, i), i < 20 ? i : 80 + i);
    EXPECT_EQ(dataset.label(i), i / 20);
  }
  EXPECT_THAT(out.names(), ElementsAre("a.h5"));
}

TEST(Pack, TheBytesDoNotDependOnTheNumberOfJobs) {
  const TemporaryFolder in, out;
  write_folder(in.path());
  for (const int jobs : {1, 2, 5})
    pack_images(
        {.input = in.path(), .output = out / fmt::format("{}.h5", jobs), .size = 9, .jobs = jobs});
  const auto expected = read_file(out / "1.h5", kLimit);
  EXPECT_TRUE(read_file(out / "2.h5", kLimit) == expected);
  EXPECT_TRUE(read_file(out / "5.h5", kLimit) == expected);
}

TEST(Pack, SpreadsImagesOverShards) {
  const TemporaryFolder in, out;
  write_folder(in.path());
  pack_images({.input = in.path(), .output = out / "shards", .size = 8, .shards = 3});
  const ImageDataset dataset(out / "shards");
  ASSERT_EQ(dataset.file_count(), 3U);
  EXPECT_EQ(dataset.file_path(0).filename(), "00000-of-00003.h5");
  EXPECT_EQ(dataset.file(0).size() + dataset.file(1).size(), 26);
  for (int64_t i = 0; i < 40; ++i) EXPECT_EQ(middle(dataset, i), i < 20 ? i : 80 + i);
  dataset.verify();
}

TEST(Pack, KeepsTheChosenClassesAndConvertsToGrey) {
  const TemporaryFolder in, out;
  write_folder(in.path());
  pack_images(
      {.input = in.path(), .output = out / "a.h5", .size = 8, .classes = "dog", .grey = true});
  const ImageDataset dataset(out / "a.h5");
  EXPECT_EQ(dataset.shape(), (ImageShape{8, 8, 1}));
  EXPECT_EQ(dataset.size(), 20);
  EXPECT_EQ(middle(dataset, 3), 103);
}

TEST(Pack, AnIdxFileKeepsItsSizeUnlessAnotherIsGiven) {
  const TemporaryFolder folder;
  write_bytes(folder / "x-images-idx3", idx_images(10, 6, 6));
  write_bytes(folder / "x-labels-idx1", idx_labels({0, 1, 0, 1, 0, 1, 0, 1, 0, 1}));
  pack_images({.input = folder / "x-images-idx3", .output = folder / "own.h5"});
  pack_images({.input = folder / "x-images-idx3",
               .output = folder / "padded.h5",
               .size = 10,
               .fit = Fit::kPad});
  const Hdf5Images own(folder / "own.h5"), padded(folder / "padded.h5");
  EXPECT_EQ(own.shape(), (ImageShape{6, 6, 1}));
  EXPECT_EQ(padded.shape(), (ImageShape{10, 10, 1}));
  std::vector<uint8_t> small(36), large(100);
  own.read_image(7, small);
  padded.read_image(7, large);
  for (size_t y = 0; y < 10; ++y) {
    for (size_t x = 0; x < 10; ++x) {
      const bool inside = y >= 2 && y < 8 && x >= 2 && x < 8;
      EXPECT_EQ(large[y * 10 + x], inside ? small[(y - 2) * 6 + x - 2] : 0) << "not enlarged";
    }
  }
  EXPECT_EQ(padded.label(7), 1);
}

TEST(Pack, HoldsOutTheSameImagesHoweverTheyArePacked) {
  const TemporaryFolder in, out;
  write_folder(in.path());
  const auto whole =
      pack_images({.input = in.path(), .output = out / "a.h5", .size = 8, .holdout = 0.3});
  const auto shards = pack_images(
      {.input = in.path(), .output = out / "shards", .size = 8, .shards = 3, .holdout = 0.3});
  write_bytes(in / "cat" / "07.png", "hello");
  const auto shortened = pack_images({.input = in.path(),
                                      .output = out / "short.h5",
                                      .size = 8,
                                      .holdout = 0.3,
                                      .skip_bad = true});
  const auto hashes = [&](const char* name) {
    return ImageDataset(out / name, "all", Part::kHeldOut).image_hashes();
  };
  const auto expected = hashes("a.h5");
  EXPECT_GT(whole.held_out, 3);
  EXPECT_LT(whole.held_out, 25);
  EXPECT_EQ(whole.held_out, std::ssize(expected));
  EXPECT_EQ(shards.held_out, whole.held_out);
  EXPECT_EQ(hashes("shards"), expected);
  EXPECT_EQ(shortened.packed, 39);
  EXPECT_THAT(hashes("short.h5"), ::testing::IsSubsetOf(expected));
  for (const char* name : {"a.h5", "short.h5"}) Hdf5Images(out / name).verify();
}

TEST(Pack, ABadImageEndsPackingWithoutOutput) {
  const TemporaryFolder in, out;
  write_folder(in.path());
  write_bytes(in / "dog" / "05.png", "hello");
  write_bytes(in / "cat" / "07.png", "hello");
  expect_error<InputError>(
      [&] { pack_images({.input = in.path(), .output = out / "a.h5", .size = 8}); },
      AllOf(HasSubstr("cat/07.png"), HasSubstr("neither a JPEG nor a PNG")));
  EXPECT_THAT(out.names(), IsEmpty());
}

TEST(Pack, SkipsBadImagesWhenAsked) {
  const TemporaryFolder in, out;
  write_folder(in.path());
  for (const char* name : {"cat/07.png", "cat/19.png", "dog/05.png"})
    write_bytes(in / name, "hello");
  for (const int64_t shards : {1, 3}) {
    const auto output = out / fmt::format("{}", shards);
    const auto report = pack_images(
        {.input = in.path(), .output = output, .size = 8, .shards = shards, .skip_bad = true});
    EXPECT_EQ(report.packed, 37);
    EXPECT_EQ(report.skipped, 3);
    EXPECT_THAT(report.problems, ElementsAre(HasSubstr("cat/07.png"), HasSubstr("cat/19.png"),
                                             HasSubstr("dog/05.png")));
    const ImageDataset dataset(output);
    EXPECT_EQ(dataset.size(), 37);
    EXPECT_EQ(middle(dataset, 7), 8);
    EXPECT_EQ(middle(dataset, 36), 119);
    EXPECT_EQ(dataset.label(17), 0);
    EXPECT_EQ(dataset.label(18), 1);
    dataset.verify();
  }
}

TEST(Pack, NoUsableImageIsAnError) {
  const TemporaryFolder in, out;
  write_bytes(in / "a.png", "hello");
  expect_error<InputError>(
      [&] {
        pack_images({.input = in.path(), .output = out / "a.h5", .size = 8, .skip_bad = true});
      },
      HasSubstr("none of the 1 images"));
  EXPECT_THAT(out.names(), IsEmpty());
}

TEST(Pack, SaysWhichOptionIsWrong) {
  const TemporaryFolder in, out;
  write_folder(in.path());
  const auto refuse = [&](PackOptions options, const auto& message) {
    if (options.input.empty()) options.input = in.path();
    if (options.output.empty()) options.output = out / "a.h5";
    expect_error<InputError>([&] { pack_images(options); }, message);
    EXPECT_THAT(out.names(), IsEmpty());
  };
  refuse({}, HasSubstr("set the output size with --size"));
  refuse({.size = 9000}, HasSubstr("at most 8192"));
  for (const double fraction : {-0.1, 0.95, 1.0, std::nan("")})
    refuse({.size = 8, .holdout = fraction}, HasSubstr("fraction to hold out"));
  refuse({.size = 8, .shards = 41}, HasSubstr("1 to 40"));
  refuse({.input = in / "none", .size = 8}, HasSubstr("no such file"));
  refuse({.output = in.path(), .size = 8}, HasSubstr("exists already"));
  refuse({.output = out / "none" / "a.h5", .size = 8}, HasSubstr("there is no folder"));
}

TEST(Pack, AFullDiskIsAnErrorAndLeavesNoOutput) {
  const TemporaryFolder folder;
  write_bytes(folder / "x-images-idx3", idx_images(40, 256, 256));
  {
    const FileSizeLimit limit(1 << 20);
    EXPECT_THROW(pack_images({.input = folder / "x-images-idx3", .output = folder / "a.h5"}),
                 Error);
  }
  EXPECT_THAT(folder.names(), ElementsAre("x-images-idx3"));
}

}  // namespace
}  // namespace gm
