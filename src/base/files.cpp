#include "base/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <random>
#include <set>

#include "base/error.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

/// The staged paths of all StagedPath objects of this process.
struct StagedPaths {
  std::mutex mutex;
  std::set<fs::path> paths;
};

StagedPaths& staged_paths() {
  static StagedPaths staged;
  return staged;
}

[[noreturn]] void throw_system_error(const fs::path& path, std::string_view action) {
  throw Error("{}: {} failed: {}", path.string(), action, system_reason(errno));
}

void sync_tree_to_disk(const fs::path& path) {
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path)) sync_tree_to_disk(entry.path());
  }
  sync_to_disk(path);
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::string_view kind_of(const fs::file_status& status) {
  switch (status.type()) {
    case fs::file_type::directory:
      return "folder";
    case fs::file_type::fifo:
      return "pipe";
    case fs::file_type::socket:
      return "socket";
    default:
      return "device";
  }
}

/// Throws InputError unless `wanted` can be created in `folder`.
void require_room_in(const fs::path& folder, const fs::path& wanted) {
  std::error_code nothing_there;
  if (!fs::is_directory(folder, nothing_there)) {
    throw InputError("{}: there is no folder {}; make it first", wanted.string(), folder.string());
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    throw InputError("{}: cannot write into the folder {}: {}", wanted.string(), folder.string(),
                     std::strerror(errno));
  }
}

}  // namespace

std::string system_reason(int error) {
  const std::string text = std::strerror(error);
  return error == EFBIG ? text + " (ulimit -f limits the size of files)" : text;
}

void sync_to_disk(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw_system_error(path, "opening for fsync");
  const int status = ::fsync(descriptor);
  const int reason = errno;
  ::close(descriptor);
  errno = reason;
  // Some file systems cannot sync a folder and return one of these errors.
  const bool cannot = reason == EINVAL || reason == ENOTSUP;
  if (status != 0 && !cannot) throw_system_error(path, "fsync");
}

StagedPath::StagedPath(fs::path final_path) : final_(without_links(final_path)) {
  if (is_special_file(final_)) {
    throw Error("{}: is a device or a pipe, which a file must not replace", final_path.string());
  }
  if (!fs::is_directory(parent_of(final_))) {
    throw Error("{}: the folder {} does not exist", final_.string(), parent_of(final_).string());
  }
  const auto name =
      fmt::format(".{}.{:08x}.partial", final_.filename().string(), std::random_device{}());
  staged_ = parent_of(final_) / name;
  const std::scoped_lock lock(staged_paths().mutex);
  staged_paths().paths.insert(staged_);
}

StagedPath::~StagedPath() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(staged_, ignored);
  const std::scoped_lock lock(staged_paths().mutex);
  staged_paths().paths.erase(staged_);
}

void remove_staged_paths() {
  const std::scoped_lock lock(staged_paths().mutex);
  std::error_code ignored;
  for (const fs::path& path : staged_paths().paths) fs::remove_all(path, ignored);
}

void StagedPath::commit() {
  move_into_place(staged_, final_);
  committed_ = true;
}

void move_into_place(const fs::path& from, const fs::path& to) {
  sync_tree_to_disk(from);
  if (::rename(from.c_str(), to.c_str()) != 0) throw_system_error(to, "renaming into place");
  sync_to_disk(parent_of(to));
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  StagedPath staged(path);
  {
    std::ofstream file(staged.path(), std::ios::binary);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    file.close();
    if (!file) throw_system_error(path, "writing");
  }
  staged.commit();
}

fs::path without_links(const fs::path& path) {
  constexpr int kMaxLinks = 40;  // as many as Linux follows
  fs::path target = path;
  std::error_code no_link;
  for (int i = 0; i < kMaxLinks; ++i) {
    const fs::path next = fs::read_symlink(target, no_link);
    if (no_link) return target;
    target = parent_of(target) / next;  // an absolute `next` replaces the path
  }
  throw InputError("{}: a symbolic link that leads in a circle", path.string());
}

bool is_special_file(const fs::path& path) {
  std::error_code nothing_there;
  return fs::is_other(path, nothing_there);
}

void require_writable(const fs::path& file) {
  std::error_code nothing_there;
  if (!file.has_filename() || fs::is_directory(file, nothing_there)) {
    throw InputError("{}: names a folder, but the output is a file", file.string());
  }
  if (!is_special_file(file)) return require_room_in(parent_of(without_links(file)), file);
  if (::access(file.c_str(), W_OK) != 0) {
    throw InputError("{}: cannot be written: {}", file.string(), std::strerror(errno));
  }
}

void require_writable_folder(const fs::path& folder) {
  std::error_code nothing_there;
  if (fs::is_directory(folder, nothing_there)) return require_room_in(folder, folder);
  if (fs::is_symlink(folder, nothing_there) && !fs::exists(folder, nothing_there)) {
    throw InputError("{}: is a link to the folder {}, which does not exist; make it first",
                     folder.string(), without_links(folder).string());
  }
  if (fs::exists(folder, nothing_there)) {
    throw InputError("{}: is a file, but the output is a folder", folder.string());
  }
  require_room_in(parent_of(folder.has_filename() ? folder : folder.parent_path()), folder);
}

void require_space(const fs::path& file, uint64_t bytes) {
  constexpr double kGigabyte = 1e9;
  std::error_code unknown;
  const fs::space_info disk = fs::space(parent_of(without_links(file)), unknown);
  if (unknown || bytes <= disk.available) return;
  throw InputError("{}: needs {:.1f} GB, but its disk has only {:.1f} GB free", file.string(),
                   static_cast<double>(bytes) / kGigabyte,
                   static_cast<double>(disk.available) / kGigabyte);
}

void require_exists(std::string_view name, const fs::path& path) {
  std::error_code reason;
  const fs::file_status status = fs::status(path, reason);
  if (fs::exists(status)) return;
  throw InputError(
      "{}: {}: {}", name, path.string(),
      status.type() == fs::file_type::not_found ? "no such file or folder" : reason.message());
}

void require_regular_file(const fs::path& path) {
  std::error_code reason;
  const fs::file_status status = fs::status(path, reason);
  if (fs::is_regular_file(status)) return;
  std::error_code no_link;
  if (fs::is_symlink(fs::symlink_status(path, no_link)) && !fs::exists(status)) {
    throw InputError("{}: is a link to {}, which cannot be reached; remove or repair the link",
                     path.string(), fs::read_symlink(path, no_link).string());
  }
  if (status.type() == fs::file_type::not_found)
    throw InputError("{}: no such file", path.string());
  if (reason) throw InputError("{}: cannot be read: {}", path.string(), reason.message());
  throw InputError("{}: cannot be read: it is a {}, not a regular file", path.string(),
                   kind_of(status));
}

std::string read_file(const fs::path& path, size_t limit_bytes) {
  require_regular_file(path);
  std::ifstream file(path, std::ios::binary);
  std::error_code no_size;
  const auto size = fs::file_size(path, no_size);
  if (!file || no_size)
    throw InputError("{}: cannot be read: {}", path.string(), std::strerror(errno));
  if (size > limit_bytes) {
    throw InputError("{}: {} bytes, but at most {} are expected here", path.string(), size,
                     limit_bytes);
  }
  std::string content(size, '\0');
  file.read(content.data(), static_cast<std::streamsize>(size));
  if (static_cast<size_t>(file.gcount()) != size)
    throw InputError("{}: reading failed", path.string());
  return content;
}

}  // namespace gm
