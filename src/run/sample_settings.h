/// What decides the pixels of samples. It is stored with them, so that samples of different models,
/// seeds or samplers are never mixed in one output.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "run/load_run.h"

namespace gm {

class SampleSettings {
 public:
  /// The weights of `run`, `seed`, and the keys of its sampler.
  SampleSettings(const LoadedRun& run, uint64_t seed);

  void add(const std::string& name, const nlohmann::json& value) { settings_[name] = value; }
  /// Adds the keys of a section of `config`.
  void add_section(RunConfig config, const std::string& section);

  /// JSON, for people and for require_same().
  std::string text() const;
  /// Throws InputError unless `stored`, a text() that came with the samples at `where`, has the
  /// same settings. Names what differs. The name of the run's directory may differ.
  void require_same(const std::string& stored, const std::string& where) const;

 private:
  nlohmann::json settings_;
};

}  // namespace gm
