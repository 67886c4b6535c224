// Which masks a MaskedDataset assigns to its images.
#include "eval/masked_dataset.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/data_config.h"
#include "support/images.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

TEST(MaskedDataset, MasksDependOnIndexAndSeedAndDifferFromTraining) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "data.h5", {16, 16, 1}, 20, {}, 0);
  const auto dataset =
      std::make_shared<const ImageDataset>(folder / "data.h5", DataConfig().classes, Part::kAll);
  MaskConfig strokes;
  strokes.kind = MaskKind::kStrokes;
  const MaskedDataset images(dataset, strokes, /*seed=*/7);
  const at::Tensor all = at::arange(20, at::kLong), last = all.narrow(0, 15, 5);

  const at::Tensor masks = images.at(all).masks;
  EXPECT_TRUE(images.at(last).masks.equal(masks.narrow(0, 15, 5)));
  EXPECT_TRUE(MaskedDataset(dataset, strokes, 7).at(all).masks.equal(masks));
  for (const at::Tensor& others : {MaskSource(strokes, 16, 16, /*seed=*/7).masks(all),
                                   MaskedDataset(dataset, strokes, 8).at(all).masks}) {
    EXPECT_EQ((masks == others).flatten(1).all(1).sum().item<int64_t>(), 0);
  }
}

}  // namespace
}  // namespace gm
