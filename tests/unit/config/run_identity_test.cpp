// Which configurations belong to the same run, also those of earlier versions of gm.
#include "config/run_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/hash.h"
#include "support/config_with.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

TEST(ConfigHash, ChangesWithKeysThatChangeTheResult) {
  const std::string plain = config_hash(run_config_with({}));
  for (const char* change : {"run.seed=1", "train.batch_size=64", "model.dim=32",
                             "diffusion.steps=51", "diffusion.schedule=linear", "diffusion.loss=l2",
                             "diffusion.loss_weight=min_snr", "optimizer.learning_rate=2e-3",
                             "ema.half_life_images=1", "data.shards=4", "data.flip=false"}) {
    EXPECT_NE(config_hash(run_config_with({change})), plain) << change;
  }
}

TEST(ConfigHash, DoesNotDependOnPathsDurationOrReporting) {
  const std::string plain = config_hash(run_config_with({}));
  for (const char* change :
       {"run.dir=/elsewhere", "run.device=cpu", "data.path=/mnt/data.h5", "mask.path=/mnt/masks",
        "train.steps=20000", "train.reducer=naive", "checkpoint.every=5", "sample.every=5",
        "telemetry.port=0", "watchdog.step_seconds=1", "sampler.kind=ddim", "sampler.steps=9"}) {
    EXPECT_EQ(config_hash(run_config_with({change})), plain) << change;
  }
}

TEST(ConfigHash, DoesNotDependOnKeysAtTheirDefaults) {
  EXPECT_EQ(config_hash(run_config_with({})), Hash().hex())
      << "keys at their defaults are not part of it";
}

TEST(ConfigHash, DependsOnTrainStepsOnlyIfTheLearningRateDoes) {
  EXPECT_NE(config_hash(run_config_with({"optimizer.schedule=cosine", "train.steps=5"})),
            config_hash(run_config_with({"optimizer.schedule=cosine", "train.steps=6"})));
}

TEST(RequireSameRun, AcceptsKeysThatDoNotChangeTheResult) {
  const RunConfig theirs = run_config_with({});
  for (const char* change :
       {"train.steps=99", "run.dir=elsewhere", "run.device=cpu", "data.path=moved.h5",
        "data.prefetch=9", "train.reducer=naive", "train.verify_ranks_every=7",
        "checkpoint.every=5", "checkpoint.keep=9", "sampler.kind=dpm++", "sampler.steps=20",
        "sampler.eta=0.5", "sample.every=3", "sample.count=5", "telemetry.port=0",
        "telemetry.log_every_seconds=1", "watchdog.step_seconds=5"}) {
    EXPECT_NO_THROW(require_same_run(theirs, run_config_with({change}))) << change;
    EXPECT_EQ(config_hash(theirs), config_hash(run_config_with({change}))) << change;
  }
}

TEST(ConfigHash, IgnoresKeysThatTheTaskDoesNotRead) {
  const auto changes_run = [](const char* task, const char* change) {
    return config_hash(run_config_with({task})) != config_hash(run_config_with({task, change}));
  };
  EXPECT_FALSE(changes_run("run.task=ddpm", "mask.kind=half"));
  EXPECT_TRUE(changes_run("diffusion.condition=inpaint", "mask.kind=half"));
  EXPECT_TRUE(changes_run("run.task=inpaint", "mask.coverage_max=0.4"));
  EXPECT_FALSE(changes_run("run.task=inpaint", "diffusion.steps=9"));
  EXPECT_FALSE(changes_run("run.task=inpaint", "gan.lambda=2"));
  EXPECT_TRUE(changes_run("run.task=gan_inpaint", "gan.lambda=2"));
  EXPECT_FALSE(changes_run("run.task=ddpm", "repaint.resamplings=3"));
  EXPECT_FALSE(changes_run("run.task=inpaint", "evaluate.every=3"));
}

TEST(RequireSameRun, NamesChangedKeysWithBothValues) {
  const RunConfig theirs = run_config_with({});
  for (const char* change :
       {"run.seed=1", "data.image_size=16", "data.classes=cat", "data.shards=4", "data.flip=false",
        "data.resize_crop=1.5", "data.fit=pad", "data.holdout=0.1", "model.dim=8",
        "model.dim_mults=[1,2]", "diffusion.steps=9", "train.batch_size=64", "train.accumulate=1",
        "optimizer.learning_rate=0.5", "optimizer.warmup_steps=9", "ema.half_life_images=1"}) {
    EXPECT_NE(config_hash(theirs), config_hash(run_config_with({change}))) << change;
    const std::string key(change, std::string_view(change).find('='));
    expect_error<InputError>([&] { require_same_run(theirs, run_config_with({change})); },
                             HasSubstr(key + " is "));
  }
  expect_error<InputError>(
      [&] {
        require_same_run(theirs, run_config_with({"run.seed=3", "model.dim=8"}));
      },
      HasSubstr("run.seed is 0 in the run, 3 now; model.dim is 16 in the run, 8 now"));
  // The cosine schedule depends on the number of steps.
  const RunConfig cosine = run_config_with({"optimizer.schedule=cosine"});
  expect_error<InputError>(
      [&] {
        require_same_run(cosine, run_config_with({"optimizer.schedule=cosine", "train.steps=9"}));
      },
      HasSubstr("train.steps is 10000 in the run, 9 now"));
}

/// As in the manifests of gm 0.1.0: the hash of the keys that differ from their defaults, under the
/// names of that version.
TEST(ConfigHash, MatchesThatOfVersion1) {
  const auto hash = [](const char* text) { return Hash().add(text).hex(); };
  EXPECT_EQ(config_hash(run_config_with({"model.dim=8", "train.batch_size=8", "run.seed=3"})),
            hash("run.seed=3\nmodel.dim=8\ntrain.batch_size=8\n"));
  EXPECT_EQ(config_hash(run_config_with({"run.task=gan_inpaint", "gan.loss=minimax",
                                         "gan.discriminator_lr_scale=0.5", "mask.kind=half"})),
            hash("run.task=\"gan_inpaint\"\nmask.kind=\"half\"\ngan.discriminator_rate=0.5\n"));
  EXPECT_EQ(config_hash(run_config_with({"run.task=gan_inpaint", "gan.loss=hinge"})),
            hash("run.task=\"gan_inpaint\"\ngan.loss=\"hinge\"\n"));
}

/// The frozen default is 8. Every other number is part of the hash.
TEST(ConfigHash, ContainsTheChosenNumberOfShards) {
  EXPECT_EQ(config_hash(run_config_with({"data.shards=8"})), Hash().hex());
  EXPECT_EQ(config_hash(run_config_with({"data.shards=32"})), Hash().add("data.shards=32\n").hex());
  EXPECT_THROW(config_hash(config_with({"data.shards=0"})), Error);
}

TEST(ConfigHash, AcceptsOldNames) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(
      config_hash(run_config_with(
          {"run.task=gan_inpaint", "gan.discriminator_rate=0.5", "gan.loss=reference"})),
      config_hash(run_config_with({"run.task=gan_inpaint", "gan.discriminator_lr_scale=0.5"})));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("warning: command line: gan.discriminator_rate is an old name of "
                              "gan.discriminator_lr_scale"));
  EXPECT_THAT(said, HasSubstr("gan.loss = \"reference\" is an old name of \"minimax\""));
}

}  // namespace
}  // namespace gm
