// The manifest of a folder: files of other ranks may be missing, and others are not accepted.
#include "data/image_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "data/image_dataset.h"
#include "data/label_counts.h"
#include "data/shard_order.h"
#include "support/expect_error.h"
#include "support/foreign_file.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr ImageShape kManifestShape{4, 4, 1};
const std::vector<std::string> kManifestClasses{"cat", "dog", "wild"};
constexpr int64_t kManifestImages = 400;

/// A folder with four files of 100 numbered images each, a third of them held out, and with a
/// manifest.
class ImageManifestTest : public ::testing::Test {
 protected:
  ImageManifestTest() {
    for (int64_t f = 0; f < 4; ++f) write_file(file(f), 100 * f);
    hash_without_manifest_ = dataset("dog,wild", Part::kTraining).content_hash();
    describe();
  }

  /// Writes a file of 100 images, in place of an older one.
  static void write_file(const fs::path& path, int64_t first, double holdout = 0.3) {
    fs::remove(path);
    write_numbered_file(path, kManifestShape, 100, kManifestClasses, first, holdout);
  }
  void describe() const { write_manifest(folder_.path(), describe_folder(folder_.path())); }
  fs::path file(int64_t f) const { return folder_ / fmt::format("{}.h5", f); }
  fs::path manifest() const { return folder_ / kImageManifestName; }
  ImageDataset dataset(std::string_view classes = "all", Part part = Part::kAll) const {
    return ImageDataset(folder_.path(), classes, part);
  }
  static int64_t number_at(const ImageDataset& dataset, int64_t index) {
    std::vector<uint8_t> pixels(static_cast<size_t>(kManifestShape.bytes()));
    dataset.read_image(index, pixels);
    return number_of(pixels.data());
  }
  /// Changes the manifest with `change`.
  void edit(const std::function<void(nlohmann::json&)>& change) const {
    auto json = nlohmann::json::parse(std::ifstream(manifest()));
    change(json);
    write_file_atomically(manifest(), json.dump());
  }

  TemporaryFolder folder_;
  std::string hash_without_manifest_;
};

TEST_F(ImageManifestTest, EachRankNeedsOnlyTheFilesOfItsShards) {
  const ImageDataset whole = dataset("dog,wild", Part::kTraining);
  std::vector<int64_t> numbers, labels;
  for (int64_t i = 0; i < whole.size(); ++i) {
    numbers.push_back(number_at(whole, i));
    labels.push_back(whole.label(i));
  }
  ASSERT_LT(whole.size(), kManifestImages);
  const TemporaryFolder elsewhere;
  for (const int rank : {0, 1}) {
    const ShardOrder order(
        {.dataset_size = whole.size(), .shards = 2, .batch_size = 8, .rank = rank, .ranks = 2});
    // A rank's half of the images can begin or end in the middle of a file, but not in the last or
    // first file of the other half.
    const fs::path other = file(rank == 0 ? 3 : 0);
    fs::rename(other, elsewhere / "absent.h5");
    const ImageDataset mine = dataset("dog,wild", Part::kTraining);
    EXPECT_EQ(mine.size(), whole.size());
    EXPECT_EQ(mine.content_hash(), hash_without_manifest_);
    EXPECT_NO_THROW(mine.require_files(order.owned().first, order.owned().end));
    for (int64_t m = 0; m < 60; ++m) {
      for (const Sample& sample : order.samples_of(m)) {
        EXPECT_EQ(number_at(mine, sample.index), numbers[static_cast<size_t>(sample.index)]);
        EXPECT_EQ(mine.label(sample.index), labels[static_cast<size_t>(sample.index)]);
      }
    }
    const int64_t absent = rank == 0 ? whole.size() - 1 : 0;
    for (const auto& needs : {std::function([&] { number_at(mine, absent); }),
                              std::function([&] { mine.require_files(0, mine.size()); })}) {
      expect_error<InputError>(needs, AllOf(HasSubstr(other.string()), HasSubstr("No such file"),
                                            HasSubstr("copy the file to this node")));
    }
    fs::rename(elsewhere / "absent.h5", other);
  }
}

TEST_F(ImageManifestTest, TheDatasetIsTheSameAsWithoutIt) {
  for (const char* classes : {"all", "cat", "wild,cat"}) {
    for (const Part part : {Part::kAll, Part::kTraining, Part::kHeldOut}) {
      const ImageDataset with = dataset(classes, part);
      fs::rename(manifest(), folder_ / "aside");
      const ImageDataset without = dataset(classes, part);
      fs::rename(folder_ / "aside", manifest());
      EXPECT_NE(with.manifest(), nullptr);
      EXPECT_EQ(without.manifest(), nullptr);
      EXPECT_EQ(with.content_hash(), without.content_hash());
      EXPECT_EQ(with.classes(), without.classes());
      EXPECT_EQ(with.has_held_out(), without.has_held_out());
      EXPECT_EQ(with.holdout(2), without.holdout(2));
      EXPECT_EQ(count_labels(with).of_classes, count_labels(without).of_classes);
      ASSERT_EQ(with.size(), without.size());
      for (int64_t i = 0; i < with.size(); ++i)
        EXPECT_EQ(number_at(with, i), number_at(without, i));
    }
  }
  expect_error<InputError>([&] { dataset("cow"); }, HasSubstr("no class 'cow'"));
}

TEST_F(ImageManifestTest, NoFileIsNeededToOpenTheDataset) {
  const ImageDataset before = dataset("cat", Part::kHeldOut);
  for (int64_t f = 0; f < 4; ++f) fs::remove(file(f));
  const ImageDataset after = dataset("cat", Part::kHeldOut);
  EXPECT_EQ(after.size(), before.size());
  EXPECT_EQ(after.content_hash(), before.content_hash());
  EXPECT_EQ(count_labels(after).of_classes, count_labels(before).of_classes);
}

TEST_F(ImageManifestTest, AFileThatDiffersIsRefusedWhenItIsOpened) {
  const auto refuse = [&](const char* reason) {
    const ImageDataset opened = dataset("dog", Part::kTraining);
    EXPECT_NO_THROW(number_at(opened, 0));
    expect_error<InputError>([&] { number_at(opened, opened.size() - 1); },
                             AllOf(HasSubstr(file(3).string()), HasSubstr(reason)));
  };
  write_file(file(3), 301);  // as long as before
  refuse("content hash");
  write_file(file(3), 300, 0.31);
  refuse("manifest.json");
  fs::remove(file(3));
  write_numbered_file(file(3), {2, 8, 1}, 100, kManifestClasses, 300, 0.3);
  refuse("shape [2,8,1], but [4,4,1] is expected");
  fs::remove(file(3));
  write_numbered_file(file(3), kManifestShape, 200, kManifestClasses, 300, 0.3);
  refuse("bytes");
  fs::resize_file(file(3), 1000);
  refuse("1000 bytes");
  write_file(file(3), 300);
  dataset().verify();
}

TEST_F(ImageManifestTest, CountsThatAreNotThoseOfTheFileAreRefused) {
  edit([](auto& json) {
    auto& counts = json["files"][1]["counts"];
    counts[0][1] = counts[0][1].template get<int>() + 1;
    counts[1][1] = counts[1][1].template get<int>() - 1;
  });
  expect_error<InputError>([&] { number_at(dataset("cat"), 50); },
                           AllOf(HasSubstr(file(1).string()), HasSubstr("gm_data manifest")));
  EXPECT_NO_THROW(number_at(dataset(), 150)) << "the counts decide nothing if all are chosen";
  expect_error<InputError>([&] { dataset().verify(); }, HasSubstr(file(1).string()));
}

TEST_F(ImageManifestTest, AFileThatIsNotListedIsRefused) {
  write_file(folder_ / "4.h5", 400);
  expect_error<InputError>([&] { dataset(); },
                           AllOf(HasSubstr("does not list 4.h5"), HasSubstr("gm_data manifest")));
  describe();
  EXPECT_EQ(dataset().size(), kManifestImages + 100);
}

TEST_F(ImageManifestTest, DamageIsRefusedWithTheField) {
  struct Case {
    const char* field;
    std::function<void(nlohmann::json&)> change;
  };
  const std::vector<Case> cases{
      {"\"shape\"",
       [](auto& json) {
         json["shape"] = {4, 4, 2};
       }},
      {"\"shape\"",
       [](auto& json) {
         json["shape"] = {4, 1u << 31, 1};
       }},
      {"\"labels\"", [](auto& json) { json.erase("labels"); }},
      {"\"classes\"",
       [](auto& json) {
         json["classes"] = {1, 2};
       }},
      {"\"files\"", [](auto& json) { json["files"] = nlohmann::json::array(); }},
      {"format version 2", [](auto& json) { json["format_version"] = 2; }},
      {"file 0: \"name\"", [](auto& json) { json["files"][0]["name"] = "../a.h5"; }},
      {"file 1: \"name\"", [](auto& json) { json["files"][1]["name"] = "0.h5"; }},
      {"file 2: \"name\"", [](auto& json) { json["files"][2] = 7; }},
      {"\"format_version\"", [](auto& json) { json["files"][3]["format_version"] = 3; }},
      {"\"bytes\"", [](auto& json) { json["files"][0]["bytes"] = -1; }},
      {"\"images\"", [](auto& json) { json["files"][0]["images"] = UINT64_MAX; }},
      {"\"images\"", [](auto& json) { json["files"][0]["images"] = 1.5; }},
      {"\"content_hash\"", [](auto& json) { json["files"][0]["content_hash"] = "short"; }},
      {"\"holdout\"", [](auto& json) { json["files"][0]["holdout"] = 1.0; }},
      {"\"counts\"", [](auto& json) { json["files"][0]["counts"][0][1] = 99; }},
      {"\"counts\"",
       [](auto& json) {
         json["files"][0]["counts"][0] = {0, 1};
       }},
      {"\"counts\"", [](auto& json) { json["files"][0]["counts"][1][0] = 0; }},
      {"\"counts\"",
       [](auto& json) {
         json["files"][0]["counts"] = {{0, INT64_MAX, INT64_MAX}, {1, 102, 0}};
       }},
  };
  const std::string good = read_file(manifest(), 1 << 20);
  for (const auto& [field, change] : cases) {
    write_file_atomically(manifest(), good);
    edit(change);
    expect_error<InputError>([&] { dataset(); },
                             AllOf(HasSubstr(manifest().string()), HasSubstr(field)));
  }
  for (const std::string& text : {std::string("[]"), good.substr(0, good.size() / 2),
                                  std::string(100'000, '['), std::string()}) {
    write_file_atomically(manifest(), text);
    expect_error<InputError>([&] { dataset(); },
                             AllOf(HasSubstr(manifest().string()), HasSubstr("gm_data manifest")));
  }
}

TEST_F(ImageManifestTest, FilesOfOtherProgramsAreDescribedToo) {
  const TemporaryFolder folder;
  std::vector<uint8_t> pixels(2 * 16);
  ForeignFile(folder / "a.h5").add_bytes("images", {2, 4, 4, 1}, {1, 4, 4, 1}, pixels);
  const auto hash = ImageDataset(folder.path()).content_hash();
  write_manifest(folder.path(), describe_folder(folder.path()));
  const ImageDataset described(folder.path());
  EXPECT_EQ(described.content_hash(), hash);
  EXPECT_EQ(number_at(described, 1), 0);
  pixels[16] = 1;
  fs::remove(folder / "a.h5");
  ForeignFile(folder / "a.h5").add_bytes("images", {2, 4, 4, 1}, {1, 4, 4, 1}, pixels);
  const ImageDataset changed(folder.path());
  expect_error<InputError>([&] { number_at(changed, 1); }, HasSubstr("content hash"));
}

TEST_F(ImageManifestTest, OnlyAlikeFilesOfAFolderCanBeDescribed) {
  write_numbered_file(folder_ / "z.h5", {4, 5, 1}, 3, kManifestClasses, 0, 0.3);
  expect_error<InputError>([&] { describe(); }, HasSubstr("must be alike"));
  expect_error<InputError>([&] { describe_folder(file(0)); }, HasSubstr("is not a folder"));
  expect_error<InputError>([&] { describe_folder(TemporaryFolder().path()); },
                           HasSubstr("no HDF5 files"));
}

}  // namespace
}  // namespace gm
