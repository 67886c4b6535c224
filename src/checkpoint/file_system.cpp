#include "checkpoint/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/files.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void throw_system_error(const fs::path& path, std::string_view action) {
  throw Error("{}: {} failed: {}", path.string(), action, system_reason(errno));
}

class DiskFile final : public OutputFile {
 public:
  explicit DiskFile(const fs::path& path)
      : path_(path),
        descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) throw_system_error(path_, "creating");
  }
  ~DiskFile() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) throw_system_error(path_, "writing");
      bytes = bytes.subspan(static_cast<size_t>(put));
    }
  }

  void close() override {
    if (::fsync(descriptor_) != 0) throw_system_error(path_, "fsync");
    // A network disk may report only here that a write failed.
    if (::close(std::exchange(descriptor_, -1)) != 0) throw_system_error(path_, "closing");
  }

 private:
  fs::path path_;
  int descriptor_;
};

}  // namespace

void Disk::create_folder(const fs::path& path) {
  if (::mkdir(path.c_str(), 0777) != 0 && !(errno == EEXIST && fs::is_directory(path))) {
    throw_system_error(path, "creating the folder");
  }
}

std::unique_ptr<OutputFile> Disk::create_file(const fs::path& path) {
  return std::make_unique<DiskFile>(path);
}

void Disk::sync_folder(const fs::path& path) { sync_to_disk(path); }

void Disk::rename(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw_system_error(to, "renaming into place");
}

void Disk::link(const fs::path& target, const fs::path& path) {
  if (::symlink(target.c_str(), path.c_str()) != 0) throw_system_error(path, "linking");
}

void Disk::remove(const fs::path& path) {
  std::error_code reason;
  fs::remove_all(path, reason);
  if (reason) throw Error("{}: removing failed: {}", path.string(), reason.message());
}

}  // namespace gm
