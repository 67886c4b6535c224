/// What decides the pixels of samples. It is stored with them, so that samples of different models,
/// seeds or samplers are never mixed in one output.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "run/inpaint_input.h"
#include "run/load_run.h"
#include "run/sample_series.h"

namespace gm {

class SampleSettings {
 public:
  /// The weights of `run`, the seeds of `series`, and the keys of the diffusion and its sampler.
  SampleSettings(const LoadedRun& run, const SampleSeries& series);

  void add(const std::string& name, const nlohmann::json& value) { settings_[name] = value; }
  /// Adds the images and masks of `input`, and the keys of `config` that inpainting uses. Where the
  /// masks come from may differ.
  void add_inpainting(const RunConfig& config, const InpaintInput& input);

  /// JSON, for people and for require_same().
  std::string text() const;
  /// Throws InputError unless `stored`, a text() that came with the samples at `where`, has the
  /// same settings. Names what differs. The name of the run's directory may differ.
  void require_same(const std::string& stored, const std::string& where) const;

 private:
  void add_section(const RunConfig& config, const std::string& section);

  nlohmann::json settings_;
};

}  // namespace gm
