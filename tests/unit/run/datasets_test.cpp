// Which images and masks are opened for the options of a user.
#include "run/datasets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/foreign_file.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class OpenData : public ::testing::Test {
 protected:
  /// A run on 40 grey images of 8x8, some of them held out.
  OpenData() {
    write_numbered_file(folder_ / "data.h5", {8, 8, 1}, 40, {}, 0, /*holdout=*/0.3);
    run_.config.data.path = (folder_ / "data.h5").string();
    run_.config.data.image_size = 8;
  }

  int64_t opened(const ImageChoice& choice) {
    return open_images(prepare_data(run_, choice, self_), run_, choice, self_)->size();
  }

  TemporaryFolder folder_;
  SelfCommunicator self_;
  LoadedRun run_{.name = "runs/grey", .config = {}, .shape = {8, 8, 1}, .task = nullptr};
};

TEST_F(OpenData, UsesTheRunsHeldOutImagesByDefault) {
  const int64_t training = opened({.part = Part::kTraining});
  EXPECT_GT(training, 0);
  EXPECT_EQ(opened({.part = Part::kAll}), 40);
  EXPECT_EQ(opened({}), 40 - training);
  EXPECT_EQ(opened({.part = Part::kHeldOut}), 40 - training);
}

TEST_F(OpenData, UsesAllImagesOfAFileWithoutHeldOutImages) {
  write_numbered_file(folder_ / "others.h5", {8, 8, 1}, 5);
  EXPECT_EQ(opened({.path = (folder_ / "others.h5").string()}), 5);
}

TEST_F(OpenData, RefusesImagesThatDoNotFitTheModel) {
  write_numbered_file(folder_ / "colour.h5", {8, 8, 3}, 5);
  expect_error<InputError>([&] { opened({.path = (folder_ / "colour.h5").string()}); },
                           AllOf(HasSubstr("colour.h5"), HasSubstr("8x8x3"), HasSubstr("8x8x1"),
                                 HasSubstr("runs/grey")));
}

TEST_F(OpenData, TheMaskOptionIsAKindOrAPath) {
  MaskConfig own;
  own.kind = MaskKind::kFiles;
  own.path = "masks";
  EXPECT_EQ(override_mask(own, "").path, "masks");
  EXPECT_EQ(override_mask(own, "strokes").kind, MaskKind::kStrokes);
  EXPECT_EQ(override_mask(own, "strokes").path, "");
  EXPECT_EQ(override_mask(own, "mixed").kind, MaskKind::kMixed);
  EXPECT_EQ(override_mask({}, folder_.path().string()).kind, MaskKind::kFiles);
  EXPECT_EQ(override_mask({}, folder_.path().string()).path, folder_.path().string());
  expect_error<InputError>(
      [&] { override_mask(own, "stroke"); },
      AllOf(HasSubstr("--mask stroke"), HasSubstr("strokes"), HasSubstr("nor a file or folder")));
}

TEST_F(OpenData, WarnsIfChosenClassesDropImagesWithUnknownLabels) {
  const auto path = folder_ / "labels.h5";
  {
    ForeignFile file(path);
    file.add("images", H5T_STD_U8LE, {4, 8, 8, 1});
    file.add_integers("labels", H5T_STD_I64LE, {0, 1, 2, 2});
    file.add_variable_strings("classes", {"cat", "dog"});
  }
  DataConfig config = run_.config.data;
  config.path = path.string();
  const auto said = [&](const char* classes) {
    config.classes = classes;
    ::testing::internal::CaptureStderr();
    open_dataset(config.path, config, Part::kTraining, self_);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(said("cat"), AllOf(HasSubstr("warning"), HasSubstr("labels.h5"),
                                 HasSubstr("2 images with labels that name no class: 2"),
                                 HasSubstr("data.classes = \"cat\" leaves them out")));
  EXPECT_EQ(said("all"), "");
}

}  // namespace
}  // namespace gm
