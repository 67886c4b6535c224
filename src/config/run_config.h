/// The whole configuration of a run: all sections in one struct, with the conversion from and to
/// TOML.
#pragma once

#include <filesystem>
#include <string>

#include "checkpoint/checkpoint_config.h"
#include "comm/watchdog_config.h"
#include "config/run_section.h"
#include "data/data_config.h"
#include "data/mask_config.h"
#include "diffusion/diffusion_config.h"
#include "diffusion/repaint_config.h"
#include "diffusion/sampler_config.h"
#include "eval/evaluate_config.h"
#include "nn/model_config.h"
#include "run/profile_config.h"
#include "tasks/gan_config.h"
#include "telemetry/telemetry_config.h"
#include "train/train_config.h"

namespace gm {

struct RunConfig {
  RunSettings run;
  DataConfig data;
  MaskConfig mask;
  GanConfig gan;
  ModelConfig model;
  DiffusionConfig diffusion;
  SamplerConfig sampler;
  RepaintConfig repaint;
  TrainConfig train;
  OptimizerConfig optimizer;
  EmaConfig ema;
  CheckpointConfig checkpoint;
  SampleConfig sample;
  EvaluateConfig evaluate;
  TelemetryConfig telemetry;
  ProfileConfig profile;
  WatchdogConfig watchdog;

  template <class Sections>
  void describe(Sections& to) {
    to.section("run", run);
    to.section("data", data);
    to.section("mask", mask);
    to.section("gan", gan);
    to.section("model", model);
    to.section("diffusion", diffusion);
    to.section("sampler", sampler);
    to.section("repaint", repaint);
    to.section("train", train);
    to.section("optimizer", optimizer);
    to.section("ema", ema);
    to.section("checkpoint", checkpoint);
    to.section("sample", sample);
    to.section("evaluate", evaluate);
    to.section("telemetry", telemetry);
    to.section("profile", profile);
    to.section("watchdog", watchdog);
  }

  /// Whether the run trains on images with the masks of [mask].
  bool uses_masks() const;
  /// Whether it trains on the labels of the images.
  bool uses_labels() const;
};

/// The defaults, changed by a TOML file. Throws InputError with file, line, column and key.
RunConfig read_config(const std::filesystem::path& file);

/// The configuration of the run in `run_dir`, from its config.toml; `run.dir` becomes `run_dir`,
/// for runs that were moved.
RunConfig read_run_config(const std::filesystem::path& run_dir);

/// All keys with their values as commented TOML; read_config() reads the same values from it.
std::string to_toml(const RunConfig& config);

/// The table that --help-config prints: every key with type, range, default and one sentence.
std::string config_help();

}  // namespace gm
