/// One process at a time trains into a run's folder.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gm {

struct LockOwner;

/// Holds RUN/.lock, which says which process on which host has the run, as long as it lives.
///
/// On one host the system's file lock decides: it is free the moment its owner dies. Between hosts,
/// whose file system may keep such locks to each host, the owner beats: it rewrites a number in the
/// file every two seconds. Who finds another host's lock watches it for some beats and takes it
/// over when the number stands still. No clock is compared with another's. An owner that finds
/// another's name in the file has lost the run: it was cut off from the disk for longer than it was
/// watched, or two took over at once.
class RunLock {
 public:
  /// Makes the folder if there is none. Throws InputError, with nothing changed, when another
  /// process has the run, named by host and process number, or when the folder cannot be written.
  /// `on_lost` is called, from another thread, with the reason when another process has taken the
  /// run: nothing more may then be written there.
  RunLock(const std::filesystem::path& run_dir,
          std::function<void(const std::string& reason)> on_lost);
  /// Gives the run free. Folders that were made and are still empty are removed.
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  class File;
  class Heart;

  void take();
  void watch(const LockOwner& owner) const;
  void confirm(const LockOwner& me) const;
  void remove_empty_folders();

  std::filesystem::path run_dir_;
  std::function<void(const std::string&)> on_lost_;
  std::vector<std::filesystem::path> made_;  // outermost first
  std::unique_ptr<File> file_;
  std::unique_ptr<Heart> heart_;
};

}  // namespace gm
