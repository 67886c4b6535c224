// Packing of the images that a run or a user names, before anything is built from them.
#include "run/prepare_data.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "data/image_dataset.h"
#include "image/image_grid.h"
#include "run/datasets.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

class PrepareData : public testing::Test {
 protected:
  /// A run on grey images of 8x8 in an HDF5 file, and a folder of two colour images.
  PrepareData() {
    write_numbered_file(folder_ / "data.h5", {8, 8, 1}, 4);
    run_.config.data.path = (folder_ / "data.h5").string();
    run_.config.data.cache = (folder_ / "cache").string();
    run_.config.data.image_size = 8;
    run_.config.data.classes = "cat";  // of the run's data, not of those that a user names
    run_.config.data.holdout = 0.5;
    std::filesystem::create_directory(photos_);
    for (const char* name : {"a.png", "b.png"})
      write_image(photos_ / name, at::full({8, 8, 3}, 90, at::kByte));
  }

  TemporaryFolder folder_;
  std::filesystem::path photos_ = folder_ / "photos";
  SelfCommunicator self_;
  LoadedRun run_{.name = "runs/grey", .config = {}, .shape = {8, 8, 1}, .task = nullptr};
};

TEST_F(PrepareData, AFileIsOpenedAsItIs) {
  EXPECT_EQ(prepare_data(run_.config.data, self_), run_.config.data.path);
  EXPECT_EQ(prepare_data(run_, {}, self_), run_.config.data.path);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "cache"));
}

TEST_F(PrepareData, ImagesOfAUserGetTheChannelsOfTheRunAndKeepAllClasses) {
  const ImageChoice choice{.path = photos_.string(), .part = Part::kAll};
  const std::string packed = prepare_data(run_, choice, self_);
  EXPECT_NE(packed, photos_.string());
  EXPECT_EQ(open_images(packed, run_, choice, self_)->size(), 2);
  EXPECT_EQ(ImageDataset(packed).shape().channels, 1);
}

TEST_F(PrepareData, OpeningThePackedImagesNeedsNoFolderAnyMore) {
  const ImageChoice choice{.path = photos_.string(), .part = Part::kAll};
  const std::string packed = prepare_data(run_, choice, self_);
  std::filesystem::remove_all(photos_);
  EXPECT_EQ(open_images(packed, run_, choice, self_)->size(), 2);
}

}  // namespace
}  // namespace gm
