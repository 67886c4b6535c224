// From data.path to an image file, with a cache of packed folders.
#include "data/pack_folder_to_cache.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "data/hdf5_images.h"
#include "image/image_grid.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class PrepareDataset : public ::testing::Test {
 protected:
  PrepareDataset() {
    for (const char* name : {"cat/a.png", "cat/b.png", "dog/c.png"}) write_png(name, 50);
    config_.path = images_.path().string();
    config_.cache = (cache_ / "gm").string();
    config_.image_size = 8;
  }

  void write_png(const char* name, int value) {
    fs::create_directories((images_ / name).parent_path());
    write_image_grid(images_ / name, {at::full({1, 12, 12, 3}, value, at::kByte)},
                     {.columns = 1, .scale = 1});
  }

  TemporaryFolder images_, cache_;
  DataConfig config_;
};

TEST_F(PrepareDataset, Hdf5FilesAreUsedDirectly) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", {8, 8, 3}, 10);
  config_.path = (folder / "a.h5").string();
  EXPECT_EQ(prepare_dataset(config_), folder / "a.h5");
  config_.path = folder.path().string();
  EXPECT_EQ(prepare_dataset(config_), folder.path());
  EXPECT_TRUE(cache_.names().empty());
  for (const char* name : {"empty", "@eaDir", "lost+found"}) fs::create_directory(folder / name);
  EXPECT_EQ(prepare_dataset(config_), folder.path());
  write_bytes(folder / "cat" / "a.png", "an image");
  expect_error<InputError>([&] { prepare_dataset(config_); },
                           AllOf(HasSubstr("a.h5"), HasSubstr("beside sub-folders of images"),
                                 HasSubstr("name the file")));
}

TEST_F(PrepareDataset, ImagesBesideHdf5FilesAreReportedAsLeftOut) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", {8, 8, 3}, 10);
  write_bytes(folder / "a.png", "an image");
  config_.path = folder.path().string();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(prepare_dataset(config_), folder.path());
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("1 images beside them are left out"));
}

TEST_F(PrepareDataset, AFolderOfImagesIsPackedOnce) {
  const fs::path packed = prepare_dataset(config_);
  EXPECT_EQ(packed.parent_path(), config_.cache);
  const ImageDataset dataset(packed, "all");
  EXPECT_EQ(dataset.size(), 3);
  require_image_size(dataset, 8);
  const auto made = fs::last_write_time(packed);
  EXPECT_EQ(prepare_dataset(config_), packed);
  EXPECT_EQ(fs::last_write_time(packed), made);
}

TEST_F(PrepareDataset, FilesLeftOutAreReportedEachTime) {
  write_bytes(images_ / "cat" / "d.webp", "");
  for (int time = 0; time < 2; ++time) {
    ::testing::internal::CaptureStderr();
    prepare_dataset(config_);
    EXPECT_THAT(
        ::testing::internal::GetCapturedStderr(),
        AllOf(HasSubstr(config_.path), HasSubstr("1 files left out"), HasSubstr("1 .webp")));
  }
}

TEST_F(PrepareDataset, ARunAndTheCacheInsideTheFolderAreIgnored) {
  config_.cache = (images_ / "cache").string();
  write_bytes(images_ / "results" / ".lock", "{}");
  const fs::path packed = prepare_dataset(config_);
  EXPECT_THAT(ImageDataset(packed).classes(), ::testing::ElementsAre("cat", "dog"));
  write_bytes(images_ / "results" / "config.toml", "");
  write_png("results/samples/step-00000001.png", 9);
  EXPECT_EQ(prepare_dataset(config_), packed);
}

TEST_F(PrepareDataset, AnImageFileIsADatasetOfOneImage) {
  using ::testing::ElementsAre;
  const fs::path working_folder = fs::current_path();
  fs::current_path(images_ / "cat");
  for (const std::string& path : {(images_ / "cat/b.png").string(), std::string("b.png")}) {
    config_.path = path;
    EXPECT_EQ(ImageDataset(prepare_dataset(config_)).size(), 1);
    EXPECT_THAT(image_names(path), ElementsAre("b"));
    EXPECT_TRUE(fs::equivalent(folder_of_images(path), images_ / "cat"));
  }
  fs::current_path(working_folder);
  EXPECT_EQ(folder_of_images(images_.path()), images_.path());
}

TEST_F(PrepareDataset, BrokenLinksAndPipesAreRefusedWithoutBlocking) {
  fs::create_symlink("itself", images_ / "itself");
  fs::create_symlink("nowhere", images_ / "dog" / "d.png");
  expect_error<InputError>([&] { prepare_dataset(config_); },
                           AllOf(HasSubstr("dog/d.png"), HasSubstr("is a link to nowhere")));
  fs::remove(images_ / "dog" / "d.png");
  EXPECT_EQ(ImageDataset(prepare_dataset(config_)).size(), 3);
  ASSERT_EQ(::mkfifo((images_ / "dog" / "z.png").c_str(), 0600), 0);
  expect_error<InputError>([&] { prepare_dataset(config_); },
                           AllOf(HasSubstr("dog/z.png"), HasSubstr("it is a pipe")));
}

TEST_F(PrepareDataset, TheSameContentElsewhereUsesTheSameCopy) {
  const fs::path packed = prepare_dataset(config_);
  const TemporaryFolder other;
  fs::copy(images_.path(), other / "moved", fs::copy_options::recursive);
  config_.path = (other / "moved").string();
  EXPECT_EQ(prepare_dataset(config_), packed);
}

TEST_F(PrepareDataset, OtherContentOrOptionsMakeAnotherCopy) {
  const fs::path packed = prepare_dataset(config_);
  DataConfig other = config_;
  other.classes = "cat";
  EXPECT_NE(prepare_dataset(other), packed);
  EXPECT_EQ(ImageDataset(prepare_dataset(other), "cat").size(), 2);
  other = config_;
  other.image_size = 10;
  EXPECT_NE(prepare_dataset(other), packed);
  other = config_;
  other.fit = Fit::kSquash;
  EXPECT_NE(prepare_dataset(other), packed);
  write_png("cat/a.png", 51);
  EXPECT_NE(prepare_dataset(config_), packed);
}

TEST_F(PrepareDataset, ACopyOfAnOlderDecoderIsNotReused) {
  const fs::path packed = prepare_dataset(config_);
  std::string content;
  for (const auto& entry : fs::directory_iterator(config_.cache)) {
    if (entry.path().extension() == ".content") content = read_file(entry.path(), 32);
  }
  const std::string key = fmt::format("{} 8 crop {}", Hdf5Images::kFormatVersion, content);
  const fs::path older = packed.parent_path() / (Hash().add(key).hex() + ".h5");
  fs::rename(packed, older);
  EXPECT_EQ(find_prepared_dataset(config_), std::nullopt);
  EXPECT_EQ(prepare_dataset(config_), packed);
  EXPECT_NE(packed, older);
}

TEST_F(PrepareDataset, GreyImagesMakeAnotherCopy) {
  const at::Tensor red = at::tensor({200, 100, 50}, at::kByte).expand({1, 12, 12, 3}).contiguous();
  write_image_grid(images_ / "cat" / "a.png", {red}, {.columns = 1, .scale = 1});
  const fs::path packed = prepare_dataset(config_), grey = prepare_dataset(config_, 1);
  EXPECT_NE(grey, packed);
  EXPECT_EQ(prepare_dataset(config_, 1), grey);
  EXPECT_EQ(ImageDataset(packed).shape().channels, 3);
  const ImageDataset dataset(grey);
  EXPECT_EQ(dataset.shape().channels, 1);
  std::vector<uint8_t> pixels(64);
  dataset.read_image(0, pixels);
  EXPECT_EQ(pixels[27], 124) << "0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2";
}

TEST_F(PrepareDataset, NamesAreInTheOrderOfTheImages) {
  using ::testing::ElementsAre;
  EXPECT_THAT(image_names(images_.path()), ElementsAre("cat/a", "cat/b", "dog/c"));
  EXPECT_THAT(image_names(images_ / "cat"), ElementsAre("a", "b"));
  EXPECT_THAT(image_names(images_ / "cat/"), ElementsAre("a", "b"));
  const TemporaryFolder folder;
  write_numbered_file(folder / "a.h5", {8, 8, 3}, 10);
  EXPECT_THAT(image_names(folder / "a.h5"), ElementsAre());
  EXPECT_THAT(image_names(folder.path()), ElementsAre());
  EXPECT_EQ(folder_of_images(folder / "a.h5"), "");
  write_bytes(images_ / "cat" / "b.jpg", "another image");
  expect_error<InputError>([&] { image_names(images_.path()); },
                           HasSubstr("two images are called cat/b"));
}

TEST_F(PrepareDataset, HoldsOutTheConfiguredFraction) {
  for (int i = 0; i < 30; ++i) write_png(fmt::format("cat/{:02}.png", i).c_str(), 8 * i);
  const fs::path packed = prepare_dataset(config_);
  config_.holdout = 0.5;
  const fs::path parted = prepare_dataset(config_);
  EXPECT_NE(parted, packed);
  const ImageDataset held_out(parted, "all", Part::kHeldOut);
  EXPECT_GT(held_out.size(), 5);
  EXPECT_LT(held_out.size(), 28);
  require_holdout(held_out, 0.5);
  require_holdout(held_out, 0);
  expect_error<InputError>(
      [&] { require_holdout(held_out, 0.25); },
      AllOf(HasSubstr("was packed with --holdout 0.5"), HasSubstr("data.holdout is 0.25")));
}

TEST_F(PrepareDataset, ADamagedCopyIsReplaced) {
  const fs::path packed = prepare_dataset(config_);
  fs::resize_file(packed, 100);
  EXPECT_EQ(prepare_dataset(config_), packed);
  EXPECT_EQ(ImageDataset(packed).size(), 3);
}

TEST_F(PrepareDataset, SaysWhatIsWrong) {
  config_.path = "/nowhere/at/all";
  expect_error<InputError>([&] { prepare_dataset(config_); },
                           AllOf(HasSubstr("data.path"), HasSubstr("no such file")));
  config_.path = images_.path().string();
  write_bytes(images_ / "cat" / "a.png", "hello");
  expect_error<InputError>([&] { prepare_dataset(config_); }, HasSubstr("cat/a.png"));
  config_.cache = "/proc/none";
  expect_error<InputError>([&] { prepare_dataset(config_); }, HasSubstr("data.cache"));
}

TEST_F(PrepareDataset, AWrongImageSizeSaysHowToChangeIt) {
  const ImageDataset dataset(prepare_dataset(config_));
  expect_error<InputError>(
      [&] { require_image_size(dataset, 32); },
      AllOf(HasSubstr("8 x 8"), HasSubstr("data.image_size is 32"), HasSubstr("--size 32")));
}

}  // namespace
}  // namespace gm
