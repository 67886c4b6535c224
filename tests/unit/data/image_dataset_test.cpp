// Files and folders of files as one index space.
#include "data/image_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/pictures.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr ImageShape kShape{4, 4, 1};
const std::vector<std::string> kClasses{"cat", "dog", "wild"};

int64_t number(const ImageDataset& dataset, int64_t index) {
  std::vector<uint8_t> pixels(static_cast<size_t>(dataset.shape().bytes()));
  dataset.read_image(index, pixels);
  return number_of(pixels.data());
}

/// Three files with 10, 1 and 7 numbered pictures, and something else beside them.
void write_shards(const TemporaryFolder& folder) {
  write_numbered_file(folder / "b.h5", kShape, 1, kClasses, 10);
  write_numbered_file(folder / "a.h5", kShape, 10, kClasses, 0);
  write_numbered_file(folder / "c.hdf5", kShape, 7, kClasses, 11);
  write_bytes(folder / "notes.txt", "not an image file");
}

TEST(ImageDataset, AFolderIsOneIndexSpaceInTheOrderOfNames) {
  const TemporaryFolder folder;
  write_shards(folder);
  const ImageDataset dataset(folder.path());
  ASSERT_EQ(dataset.size(), 18);
  for (int64_t i = 0; i < 18; ++i) {
    EXPECT_EQ(number(dataset, i), i);
    EXPECT_EQ(dataset.label(i), i % 3);
  }
  EXPECT_THROW(number(dataset, 18), Error);
  EXPECT_THROW(number(dataset, -1), Error);
}

TEST(ImageDataset, KeepsTheChosenClasses) {
  const TemporaryFolder folder;
  write_shards(folder);
  const ImageDataset dataset(folder.path(), "wild, cat");
  ASSERT_EQ(dataset.size(), 12);
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < dataset.size(); ++i) numbers.push_back(number(dataset, i));
  EXPECT_THAT(numbers, ::testing::ElementsAre(0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17));
  EXPECT_EQ(dataset.label(1), 2) << "labels stay indices of all classes";
  expect_error<InputError>([&] { ImageDataset(folder.path(), "cat,cow"); },
                           AllOf(HasSubstr("no class 'cow'"), HasSubstr("cat, dog, wild")));
}

TEST(ImageDataset, TheHashTellsFilesAndChoicesApart) {
  const TemporaryFolder folder;
  write_shards(folder);
  const auto hash = ImageDataset(folder.path()).content_hash();
  EXPECT_EQ(hash, ImageDataset(folder.path(), "all").content_hash());
  EXPECT_NE(hash, ImageDataset(folder.path(), "cat").content_hash());
  std::filesystem::remove(folder / "b.h5");
  EXPECT_NE(hash, ImageDataset(folder.path()).content_hash());
}

TEST(ImageDataset, FilesOfAFolderMustBeAlike) {
  const TemporaryFolder folder;
  write_shards(folder);
  write_numbered_file(folder / "d.h5", {4, 5, 1}, 3, kClasses);
  expect_error<InputError>(
      [&] { ImageDataset(folder.path()); },
      AllOf(HasSubstr("d.h5 holds pictures [4,5,1]"), HasSubstr("a.h5 holds [4,4,1]")));
  std::filesystem::remove(folder / "d.h5");
  write_numbered_file(folder / "d.h5", kShape, 3, {"cat", "dog"});
  expect_error<InputError>([&] { ImageDataset(folder.path()); }, HasSubstr("must be alike"));
}

TEST(ImageDataset, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  expect_error<InputError>([&] { ImageDataset(folder / "none"); },
                           HasSubstr("no such file or folder"));
  expect_error<InputError>([&] { ImageDataset(folder.path()); }, HasSubstr("holds no HDF5 files"));
  write_numbered_file(folder / "a.h5", kShape, 3);
  expect_error<InputError>([&] { ImageDataset(folder.path(), "cat"); },
                           HasSubstr("names no classes"));
}

}  // namespace
}  // namespace gm
