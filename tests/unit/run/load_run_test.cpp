// A trained run is loaded only if its weights are finite.
#include "run/load_run.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "checkpoint/checkpoint_store.h"
#include "checkpoint/weights.h"
#include "comm/communicator.h"
#include "run/make_task.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(LoadedRun, WeightsThatAreNotFiniteAreRefused) {
  const TemporaryFolder folder;
  RunConfig config;
  config.data.image_size = 16;
  config.model.dim = 8;
  config.model.dim_mults = {1, 2};
  write_file_atomically(folder / "config.toml", to_toml(config));
  const auto task = make_task(config, ImageShape{16, 16, 1});
  TensorMap weights = weights_of(task->sampled_network().parameter_list());
  TensorMap diverged = weights;
  diverged["init_conv.bias"] = at::full({8}, NAN);
  CheckpointStore(folder.path())
      .save({.state = {.step = 7}}, {{"model", weights}, {"ema", diverged}});

  SelfCommunicator alone;
  const std::string run = folder.path().string();
  EXPECT_EQ(load_run(run, {.weights = "model"}, {}, alone).step, 7);
  expect_error<InputError>(
      [&] { load_run(run, {.weights = "ema"}, {}, alone); },
      AllOf(HasSubstr("ema.safetensors: NaN"), HasSubstr("init_conv.bias (8 of 8 values)")));
}

}  // namespace
}  // namespace gm
