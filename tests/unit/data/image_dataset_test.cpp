// A file, or a folder of files, as one dataset.
#include "data/image_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "data/label_counts.h"
#include "support/descriptor_limit.h"
#include "support/expect_error.h"
#include "support/foreign_file.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ImageShape kDatasetShape{4, 4, 1};
const std::vector<std::string> kClasses{"cat", "dog", "wild"};

int64_t number(const ImageDataset& dataset, int64_t index) {
  std::vector<uint8_t> pixels(static_cast<size_t>(dataset.shape().bytes()));
  dataset.read_image(index, pixels);
  return number_of(pixels.data());
}

/// Three files with 10, 1 and 7 numbered images, and a file of another kind.
void write_shards(const TemporaryFolder& folder) {
  write_numbered_file(folder / "b.h5", kDatasetShape, 1, kClasses, 10);
  write_numbered_file(folder / "a.h5", kDatasetShape, 10, kClasses, 0);
  write_numbered_file(folder / "c.hdf5", kDatasetShape, 7, kClasses, 11);
  write_bytes(folder / "notes.txt", "not an image file");
}

TEST(ImageDataset, AFolderIsOneDatasetInTheOrderOfFileNames) {
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
  EXPECT_EQ(dataset.label(1), 2) << "labels remain indices into all classes";
  expect_error<InputError>([&] { ImageDataset(folder.path(), "cat,cow"); },
                           AllOf(HasSubstr("no class 'cow'"), HasSubstr("cat, dog, wild")));
}

TEST(ImageDataset, TheHashDependsOnFilesAndChosenClasses) {
  const TemporaryFolder folder;
  write_shards(folder);
  const auto hash = ImageDataset(folder.path()).content_hash();
  EXPECT_EQ(hash, ImageDataset(folder.path(), "all").content_hash());
  EXPECT_NE(hash, ImageDataset(folder.path(), "cat").content_hash());
  std::filesystem::remove(folder / "b.h5");
  EXPECT_NE(hash, ImageDataset(folder.path()).content_hash());
}

TEST(ImageDataset, PartsAreDisjointAndComplete) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kDatasetShape, 300, kClasses, 0, 0.3);
  write_numbered_file(folder / "b.h5", kDatasetShape, 200, kClasses, 300, 0.3);
  const ImageDataset training(folder.path(), "all", Part::kTraining);
  const ImageDataset held_out(folder.path(), "all", Part::kHeldOut);
  EXPECT_TRUE(training.has_held_out());
  std::vector<int64_t> numbers;
  for (const auto* part : {&training, &held_out}) {
    for (int64_t i = 0; i < part->size(); ++i) {
      numbers.push_back(number(*part, i));
      EXPECT_EQ(part->label(i), numbers.back() % 3);
    }
  }
  std::ranges::sort(numbers);
  ASSERT_EQ(numbers.size(), 500U);
  for (int64_t i = 0; i < 500; ++i) EXPECT_EQ(numbers[static_cast<size_t>(i)], i);
  EXPECT_NEAR(static_cast<double>(held_out.size()), 150, 45);
}

TEST(ImageDataset, APartContainsOnlyTheChosenClasses) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kDatasetShape, 300, kClasses, 0, 0.3);
  const ImageDataset dogs(folder.path(), "dog", Part::kHeldOut);
  EXPECT_NEAR(static_cast<double>(dogs.size()), 30, 20);
  for (int64_t i = 0; i < dogs.size(); ++i) EXPECT_EQ(dogs.label(i), 1);
  EXPECT_EQ(dogs.size() + ImageDataset(folder.path(), "dog", Part::kTraining).size(), 100);
}

TEST(ImageDataset, TheHashDependsOnThePart) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kDatasetShape, 100, kClasses, 0, 0.3);
  write_numbered_file(folder / "plain.h5", kDatasetShape, 100, kClasses);
  const auto hash = [&](const char* name, Part part) {
    return ImageDataset(folder / name, "all", part).content_hash();
  };
  EXPECT_NE(hash("a.h5", Part::kAll), hash("a.h5", Part::kTraining));
  EXPECT_NE(hash("a.h5", Part::kHeldOut), hash("a.h5", Part::kTraining));
  EXPECT_EQ(hash("plain.h5", Part::kAll), hash("plain.h5", Part::kTraining));
}

TEST(ImageDataset, AMissingHeldOutPartSaysHowToCreateOne) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kDatasetShape, 10, kClasses);
  EXPECT_EQ(ImageDataset(folder / "a.h5", "all", Part::kTraining).size(), 10);
  expect_error<InputError>([&] { ImageDataset(folder / "a.h5", "all", Part::kHeldOut); },
                           AllOf(HasSubstr("a.h5"), HasSubstr("--holdout 0.1")));
  write_numbered_file(folder / "few.h5", kDatasetShape, 2, kClasses, 0, 1e-6);
  expect_error<InputError>([&] { ImageDataset(folder / "few.h5", "all", Part::kHeldOut); },
                           HasSubstr("none of the 2 images is kept from training"));
  expect_error<InputError>([&] { ImageDataset(folder.path()); }, HasSubstr("must be alike"));
}

TEST(ImageDataset, ImageHashesFindSharedImages) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", kDatasetShape, 60, {}, 0);
  write_numbered_file(folder / "b.h5", kDatasetShape, 60, {}, 50);
  const ImageDataset a(folder / "a.h5"), b(folder / "b.h5");
  const auto hashes = a.image_hashes();
  ASSERT_EQ(hashes.size(), 60U);
  EXPECT_TRUE(std::ranges::is_sorted(hashes));
  for (int64_t i = 0; i < 60; ++i)
    EXPECT_EQ(std::ranges::binary_search(hashes, b.image_hash(i)), i < 10);
  EXPECT_EQ(ImageDataset(folder.path()).image_hashes().size(), 110U) << "each once";
}

TEST(ImageDataset, FilesOfAFolderMustHaveTheSameShapeAndClasses) {
  const TemporaryFolder folder;
  write_shards(folder);
  write_numbered_file(folder / "d.h5", {4, 5, 1}, 3, kClasses);
  expect_error<InputError>(
      [&] { ImageDataset(folder.path()); },
      AllOf(HasSubstr("d.h5 holds images [4,5,1]"), HasSubstr("a.h5 holds [4,4,1]")));
  std::filesystem::remove(folder / "d.h5");
  write_numbered_file(folder / "d.h5", kDatasetShape, 3, {"cat", "dog"});
  expect_error<InputError>([&] { ImageDataset(folder.path()); }, HasSubstr("must be alike"));
}

/// Writes `shards` files of three images. Every other one is read through HDF5.
void write_many_shards(const TemporaryFolder& folder, int64_t shards) {
  for (int64_t s = 0; s < shards; ++s) {
    const auto path = folder / fmt::format("{:03}.h5", s);
    if (s % 2 == 0) {
      write_numbered_file(path, kDatasetShape, 3, {}, 3 * s);
      continue;
    }
    std::vector<uint8_t> pixels;
    for (int64_t i = 3 * s; i < 3 * s + 3; ++i) {
      const auto image = numbered_image(i, kDatasetShape);
      pixels.insert(pixels.end(), image.begin(), image.end());
    }
    ForeignFile(path).add_bytes("images", {3, 4, 4, 1}, {1, 4, 4, 1}, pixels);
  }
}

TEST(ImageDataset, MayHaveMoreFilesThanAProcessMayOpen) {
  const TemporaryFolder folder;
  constexpr int64_t kShards = 90;
  write_many_shards(folder, kShards);
  const DescriptorLimit limit(80);
  const ImageDataset dataset(folder.path());
  const auto read_all = [&] {
    for (int64_t step = 0; step < 3 * kShards; ++step) {
      const int64_t i = step * 101 % (3 * kShards);  // from file to file
      ASSERT_EQ(number(dataset, i), i);
    }
  };
  { std::jthread first(read_all), second(read_all); }
  EXPECT_EQ(dataset.content_hash(), ImageDataset(folder.path()).content_hash());
}

TEST(ImageDataset, AFileReplacedDuringUseIsDetected) {
  const TemporaryFolder folder;
  write_many_shards(folder, 40);
  const DescriptorLimit limit(60);
  const ImageDataset dataset(folder.path());
  std::filesystem::remove(folder / "000.h5");  // not among the files that were read last
  EXPECT_THROW(number(dataset, 0), Error);
  write_numbered_file(folder / "000.h5", kDatasetShape, 4, {}, 0);
  expect_error<Error>([&] { number(dataset, 0); },
                      AllOf(HasSubstr("000.h5"), HasSubstr("replaced while it was in use")));
}

TEST(ImageDataset, CountsLabelsWithoutAClass) {
  const TemporaryFolder folder;
  const auto write = [&](const char* name, const std::vector<int64_t>& labels) {
    ForeignFile file(folder / name);
    file.add("images", H5T_STD_U8LE, {labels.size(), 4, 4, 1});
    file.add_integers("labels", H5T_STD_I16BE, labels);
    file.add_variable_strings("classes", {"cat", "dog"});
  };
  write("a.h5", {0, 1, 1, 5, -1});
  write("b.h5", {5, 7, 0});
  const LabelCounts counts = count_labels(ImageDataset(folder.path()));
  EXPECT_THAT(counts.of_classes, ElementsAre(2, 2));
  EXPECT_THAT(counts.of_others, ElementsAre(std::pair(-1, 1), std::pair(5, 2), std::pair(7, 1)));
  EXPECT_EQ(describe_labels(counts.of_others),
            "4 images with labels that name no class: -1 (1 images), 5 (2 images), 7 (1 images)");
  EXPECT_EQ(ImageDataset(folder.path(), "cat").size(), 2);
}

TEST(ImageDataset, CountsClassesWithImages) {
  const TemporaryFolder folder;
  const auto path = folder / "a.h5";
  const auto classes_of = [&](const std::vector<int64_t>& labels,
                              const std::vector<std::string>& names) {
    {
      ForeignFile file(path);
      file.add("images", H5T_STD_U8LE, {labels.size(), 4, 4, 1});
      file.add_integers("labels", H5T_STD_I64LE, labels);
      if (!names.empty()) file.add_variable_strings("classes", names);
    }
    return count_classes(ImageDataset(path));
  };
  EXPECT_EQ(classes_of({0, 1, 1}, {"cat", "dog"}), 2);
  EXPECT_EQ(classes_of({2, 0, 1, 0}, {}), 3);
  const auto refuse = [&](const std::vector<int64_t>& labels, const std::vector<std::string>& names,
                          const char* reason) {
    expect_error<InputError>([&] { classes_of(labels, names); },
                             AllOf(HasSubstr("a.h5"), HasSubstr(reason)));
  };
  refuse({0, 0}, {"cat", "dog"}, "the class dog has no images");
  refuse({0, 1, 5}, {"cat", "dog"}, "labels that name no class: 5");
  refuse({1, 2}, {}, "2 different labels from 1 to 2; without class names they must be 0 to 1");
  refuse({0, INT64_MAX}, {}, "they must be 0 to 1");
}

TEST(ImageDataset, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  expect_error<InputError>([&] { ImageDataset(folder / "none"); },
                           HasSubstr("no such file or folder"));
  expect_error<InputError>([&] { ImageDataset(folder.path()); }, HasSubstr("holds no HDF5 files"));
  write_numbered_file(folder / "a.h5", kDatasetShape, 3);
  expect_error<InputError>([&] { ImageDataset(folder.path(), "cat"); },
                           HasSubstr("has no class names"));
}

}  // namespace
}  // namespace gm
