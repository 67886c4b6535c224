#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/files.h"

namespace gm {

// Opened for writing, because network file systems give no exclusive lock otherwise.
FileLock::FileLock(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
  if (descriptor_ < 0) {
    throw Error("{}: cannot be opened for writing: {}", path.string(), system_reason(errno));
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  throw InputError("{}: another process writes this file; wait until it ends, or name another file",
                   path.string());
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace gm
