// Which holes pictures get.
#include "eval/holed_pictures.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/data_config.h"
#include "support/pictures.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

TEST(HoledPictures, GetHolesOfTheirIndexAndSeedThatAreNotThoseOfTraining) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "data.h5", {16, 16, 1}, 20, {}, 0);
  const auto dataset =
      std::make_shared<const ImageDataset>(folder / "data.h5", DataConfig().classes, Part::kAll);
  MaskConfig strokes;
  strokes.kind = "strokes";
  const HoledPictures pictures(dataset, strokes, /*seed=*/7);
  const at::Tensor all = at::arange(20, at::kLong), last = all.narrow(0, 15, 5);

  const at::Tensor holes = pictures.at(all).masks;
  EXPECT_TRUE(pictures.at(last).masks.equal(holes.narrow(0, 15, 5)));
  EXPECT_TRUE(HoledPictures(dataset, strokes, 7).at(all).masks.equal(holes));
  for (const at::Tensor& others : {MaskSource(strokes, 16, 16, /*seed=*/7).masks(all),
                                   HoledPictures(dataset, strokes, 8).at(all).masks}) {
    EXPECT_EQ((holes == others).flatten(1).all(1).sum().item<int64_t>(), 0);
  }
}

}  // namespace
}  // namespace gm
