/// Ensures that only one process at a time trains in a run directory.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gm {

struct LockOwner;

/// Holds the lock file RUN/.lock, which names the process and host that train the run, for the
/// lifetime of the object.
/// On one host, the file lock of the operating system decides: it is released when its owner dies.
/// File locks may not work between hosts. Therefore the owner writes a heartbeat: a number in the
/// file that changes every two seconds. A process that finds the lock of another host watches it
/// for several heartbeats, and takes it over if the number does not change. Clocks of different
/// hosts are never compared. An owner that finds another name in the file has lost the run: it
/// could not reach the disk for longer than the lock was watched, or two processes took over at the
/// same time.
class RunLock {
 public:
  /// Creates the directory if it does not exist. Throws InputError, with nothing changed, when
  /// another process holds the lock (the message names its host and process id), or when the
  /// directory cannot be written. When another process takes over the run, `on_lost` is called from
  /// another thread with the reason. After that, nothing may be written to the directory.
  RunLock(const std::filesystem::path& run_dir,
          std::function<void(const std::string& reason)> on_lost);
  /// Releases the lock. Removes folders that were created and are still empty.
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// The host and process that hold the lock of `run_dir`, as this host sees them; empty if there
  /// is no lock.
  static std::string identity(const std::filesystem::path& run_dir);

  /// Who trains in a run directory: "process 12 on HOST"; nullopt if nobody does. Waits for no
  /// heartbeat, so a process of another host that was killed may be named.
  static std::optional<std::string> holder(const std::filesystem::path& run_dir);

 private:
  class File;
  class Heartbeat;

  void take();
  void watch(const LockOwner& owner) const;
  void confirm(const LockOwner& me) const;
  void remove_empty_folders();

  std::filesystem::path run_dir_;
  std::function<void(const std::string&)> on_lost_;
  std::vector<std::filesystem::path> made_;  // outermost first
  std::unique_ptr<File> file_;
  std::unique_ptr<Heartbeat> heartbeat_;
};

}  // namespace gm
