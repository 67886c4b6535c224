#include "run/sample_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "data/data_config.h"
#include "support/config_with.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

TEST(SampleSettings, OfInpaintedImagesHaveTheMasksWhereverTheyComeFrom) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "data.h5", {8, 8, 1}, 2, {}, 0);
  const auto dataset =
      std::make_shared<const ImageDataset>(folder / "data.h5", DataConfig().classes, Part::kAll);
  const LoadedRun run{
      .name = "runs/a", .config = config_with({}), .shape = {8, 8, 1}, .task = nullptr};
  const auto settings = [&](const char* path, bool is_paired) {
    SampleSettings made(run, {.seed = 7});
    made.add_inpainting(
        config_with({path}),
        {.masked = {dataset, MaskConfig{}, 7}, .names = {}, .masks_are_paired = is_paired});
    return made;
  };
  const std::string stored = settings("mask.path=one", false).text();
  settings("mask.path=other", false).require_same(stored, "a.h5");
  expect_error<InputError>([&] { settings("mask.path=one", true).require_same(stored, "a.h5"); },
                           testing::HasSubstr("masks_are_paired is false there and true now"));
}

}  // namespace
}  // namespace gm
