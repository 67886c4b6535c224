/// One process at a time trains into a run's folder.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

namespace gm {

/// Holds RUN/.lock, which says which process on which host has the run, as long as it lives.
///
/// On one host the system's file lock decides: it is free the moment its owner dies. Between hosts,
/// whose file system may keep such locks to each host, the owner beats: it rewrites a number in the
/// file every two seconds. Who finds another host's lock watches it for some beats and takes it
/// over when the number stands still. No clock is compared with another's.
class RunLock {
 public:
  /// Makes the folder if there is none. Throws InputError, with nothing changed, when another
  /// process has the run, named by host and process number, or when the folder cannot be written.
  explicit RunLock(const std::filesystem::path& run_dir);
  /// Gives the run free. Folders that were made and are still empty are removed.
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  class File;
  class Heart;

  void take(const std::filesystem::path& run_dir);
  void remove_empty_folders();

  std::vector<std::filesystem::path> made_;  // outermost first
  std::unique_ptr<File> file_;
  std::unique_ptr<Heart> heart_;
};

}  // namespace gm
