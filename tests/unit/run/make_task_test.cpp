// A run's configuration determines its task and the hash of its training data.
#include "run/make_task.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/images.h"
#include "support/png.h"
#include "support/temporary_folder.h"
#include "tasks/ddpm.h"
#include "tasks/gan_inpaint.h"
#include "tasks/inpaint.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

constexpr ImageShape kShape{16, 16, 1};

RunConfig small(const std::string& task, const std::string& condition = "none") {
  RunConfig config;
  config.run.task = task;
  config.diffusion.condition = condition;
  config.model.dim = 8;
  config.model.dim_mults = {1, 2};
  config.gan.dim = 8;
  return config;
}

TEST(MakeTask, MakesTheTaskOfEachName) {
  const auto make = [](const char* task) { return make_task(small(task), kShape); };
  EXPECT_NE(dynamic_cast<DdpmTask*>(make("ddpm").get()), nullptr);
  EXPECT_NE(dynamic_cast<InpaintTask*>(make("inpaint").get()), nullptr);
  EXPECT_NE(dynamic_cast<GanInpaintTask*>(make("gan_inpaint").get()), nullptr);
}

TEST(TrainingMasks, AreOpenedOnlyForATaskThatTrainsOnMasks) {
  const auto open = [](RunConfig config) {
    config.mask.kind = "files";
    config.mask.path = "/nowhere/masks";
    return open_training_masks(config, kShape);
  };
  EXPECT_EQ(open(small("ddpm")), nullptr);
  for (const RunConfig& config :
       {small("inpaint"), small("gan_inpaint"), small("ddpm", "inpaint")}) {
    expect_error<InputError>([&] { open(config); }, HasSubstr("/nowhere/masks"));
  }
}

TEST(TrainingDataHash, DependsOnTheMaskFilesOfARun) {
  const TemporaryFolder folder;
  write_numbered_file(folder / "images.h5", kShape, 2);
  const ImageDataset images(folder / "images.h5");
  const auto hash_with = [&](const MaskConfig& mask) {
    RunConfig config = small("inpaint");
    config.mask = mask;
    return training_data_hash(images, open_training_masks(config, kShape).get());
  };
  const auto file = [&](const char* name, int64_t missing_rows) {
    at::Tensor mask = at::zeros({16, 16, 1}, at::kByte);
    mask.narrow(0, 0, missing_rows).fill_(255);
    write_png(folder / name, mask);
    MaskConfig config;
    config.kind = "files";
    config.path = (folder / name).string();
    return config;
  };
  const std::string one = hash_with(file("one.png", 4));
  EXPECT_EQ(one, hash_with(file("elsewhere.png", 4)));
  EXPECT_NE(one, hash_with(file("other.png", 5)));
  EXPECT_NE(one, images.content_hash());
  EXPECT_EQ(hash_with({}), images.content_hash());
  EXPECT_EQ(training_data_hash(images, nullptr), images.content_hash());
}

}  // namespace
}  // namespace gm
