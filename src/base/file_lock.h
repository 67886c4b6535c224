/// A lock on a file that only one process may write.
#pragma once

#include <filesystem>

namespace gm {

/// Holds the lock of a file for the lifetime of the object. The operating system releases it when
/// the process dies. On file systems without locks, it has no effect.
class FileLock {
 public:
  /// Throws InputError when another FileLock has the file, and Error when it cannot be opened.
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace gm
