/// The folder of a run: where each of its files lies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace gm {

/// Paths inside a run's folder. Whoever writes there holds the run's lock (run_lock.h).
class RunDirectory {
 public:
  explicit RunDirectory(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path config() const { return root_ / "config.toml"; }
  std::filesystem::path metrics() const { return root_ / "metrics.jsonl"; }
  std::filesystem::path log() const { return root_ / "log.txt"; }
  /// A trace of some steps' operators, for Perfetto.
  std::filesystem::path profile() const { return root_ / "profile.json"; }
  /// The grid of samples that was made after `step` steps.
  std::filesystem::path samples(int64_t step) const;
  std::filesystem::path samples_folder() const { return root_ / "samples"; }

  /// Whether a run has begun here.
  bool holds_run() const { return std::filesystem::exists(config()); }
  /// Begins a run, or resumes it: creates the sub-folders, clears away what a killed process
  /// left half-written, and writes `config_text` to config.toml. Throws InputError when the folder
  /// cannot be written.
  void begin(const std::string& config_text) const;

 private:
  std::filesystem::path root_;
};

}  // namespace gm
