/// Files that appear whole or not at all: written beside their final place, made durable, then
/// renamed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace gm {

/// A file or folder under construction, beside its final place: `final_path` with a hidden name and
/// a random tail. Whoever stages fills `path()` and calls commit(); without it, the destructor
/// removes what was written.
class StagedPath {
 public:
  /// Nothing is created yet. Where `final_path` is a symbolic link, its target is made or replaced,
  /// and the link stays. Throws Error when the parent folder does not exist, or when there is a
  /// device or a pipe, which no file may replace.
  explicit StagedPath(std::filesystem::path final_path);
  ~StagedPath();
  StagedPath(const StagedPath&) = delete;
  StagedPath& operator=(const StagedPath&) = delete;

  /// Where to write.
  const std::filesystem::path& path() const { return staged_; }
  /// Makes the content durable (fsync of every file and folder), renames it to the final path, and
  /// makes the rename durable. An existing file is replaced; an existing folder is an error. Throws
  /// Error with the system's reason.
  void commit();

 private:
  std::filesystem::path final_;
  std::filesystem::path staged_;
  bool committed_ = false;
};

/// What the system says of an error number, and where it could mean many things, which one is
/// likely.
std::string system_reason(int error);

/// Removes all that is under construction in this process: before it ends without its destructors.
void remove_staged_paths();

/// Returns when a file's bytes, or the names in a folder, are on the disk, if that is a file system
/// that can be asked for it. Throws Error.
void sync_to_disk(const std::filesystem::path& path);

/// Replaces `path` with `content` in one step. Throws Error with the system's reason; the old file
/// is kept then.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// What `path` leads to through symbolic links, the last of which may point to nothing. Throws
/// InputError when they lead in a circle.
std::filesystem::path without_links(const std::filesystem::path& path);

/// Whether there is a device, a pipe or a socket: what can be written into but not replaced.
bool is_special_file(const std::filesystem::path& path);

/// Throws InputError unless `file` can be written: its folder is there and lets us, and no folder
/// has its name. Called before the work that is to end in it, not after.
void require_writable(const std::filesystem::path& file);

/// The same of a folder for files, which is there or can be made.
void require_writable_folder(const std::filesystem::path& folder);

/// Throws InputError, saying what is there instead, unless `path` is a regular file or a link to
/// one. To be called before a file of a user is opened: opening a pipe would wait for its other
/// end.
void require_regular_file(const std::filesystem::path& path);

/// The whole file. Throws InputError when it cannot be read or is larger than `limit_bytes`.
std::string read_file(const std::filesystem::path& path, size_t limit_bytes);

}  // namespace gm
