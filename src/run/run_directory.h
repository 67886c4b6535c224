/// The directory of a run: the paths of its files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace gm {

/// Paths in the directory of a run. A process that writes there must hold the lock of the run
/// (run_lock.h).
class RunDirectory {
 public:
  explicit RunDirectory(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  /// Without ".", ".." and symbolic links.
  std::filesystem::path absolute() const;
  /// The name of the run for people: that of its directory, also of "." and of "runs/cats/".
  std::string name() const { return absolute().filename().string(); }
  std::filesystem::path config() const { return root_ / "config.toml"; }
  std::filesystem::path metrics() const { return root_ / "metrics.jsonl"; }
  std::filesystem::path log() const { return root_ / "log.txt"; }
  /// What the worlds of the run tell each other about the time limit of a step (step_limit_file.h).
  std::filesystem::path step_limit() const { return root_ / "step_limit.json"; }
  /// Where Prometheus finds the endpoints of the run, as long as it runs.
  std::filesystem::path targets() const { return root_ / "targets.json"; }
  /// A trace of the operators of some steps, for Perfetto.
  std::filesystem::path profile() const { return root_ / "profile.json"; }
  /// The report of the run (report/report.h).
  std::filesystem::path report() const { return root_ / "report.html"; }
  /// The file of the samples that were made after `step` steps. `extension`: ".png".
  std::filesystem::path samples(int64_t step, const std::string& extension) const;
  std::filesystem::path samples_folder() const { return root_ / "samples"; }

  /// Whether a run was started here.
  bool holds_run() const { return std::filesystem::exists(config()); }
  /// Starts or resumes a run: creates the sub-folders, removes the temporary files of a killed
  /// process, and writes `config_text` to config.toml. Throws InputError when the directory cannot
  /// be written.
  void begin(const std::string& config_text) const;

 private:
  std::filesystem::path root_;
};

}  // namespace gm
