/// The folder of a run: where each of its files lies, and the claim that keeps two runs out of one
/// folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace gm {

/// Paths inside a run's folder.
class RunDirectory {
 public:
  explicit RunDirectory(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path config() const { return root_ / "config.toml"; }
  std::filesystem::path metrics() const { return root_ / "metrics.jsonl"; }
  std::filesystem::path log() const { return root_ / "log.txt"; }
  /// The grid of samples that was made after `step` steps.
  std::filesystem::path samples(int64_t step) const;
  std::filesystem::path samples_folder() const { return root_ / "samples"; }

  /// Throws InputError when the folder holds a run already, naming where its configuration differs.
  void require_free(const std::string& config_text) const;
  /// Makes the folder this run's own: creates it with its sub-folders and writes `config_text` to
  /// config.toml. Throws InputError, with nothing changed, when it holds a run already or cannot be
  /// written. To be called by one rank.
  void claim(const std::string& config_text) const;

 private:
  std::filesystem::path root_;
};

}  // namespace gm
