/// Checks of paths, and atomic writes: a file is written next to its final path, synced to disk,
/// then renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace gm {

/// A temporary file or folder next to `final_path`, with a hidden name and a random suffix. The
/// caller writes `path()` and then calls commit(). Without commit(), the destructor removes it.
class StagedPath {
 public:
  /// Creates nothing yet. If `final_path` is a symbolic link, its target is created or replaced and
  /// the link stays. Throws Error when the parent folder does not exist, or when `final_path` is a
  /// device or a pipe, which a file must not replace.
  explicit StagedPath(std::filesystem::path final_path);
  ~StagedPath();
  StagedPath(const StagedPath&) = delete;
  StagedPath& operator=(const StagedPath&) = delete;

  /// Where to write.
  const std::filesystem::path& path() const { return staged_; }
  /// Moves the whole to the final path (move_into_place()).
  void commit();

 private:
  std::filesystem::path final_;
  std::filesystem::path staged_;
  bool committed_ = false;
};

/// The system's text for an error number. If the text is ambiguous, the likely cause is added.
std::string system_reason(int error);

/// Removes all staged paths of this process: called before it ends without running destructors.
void remove_staged_paths();

/// Returns when a file's bytes, or the names in a folder, are on the disk. File systems that cannot
/// sync `path` are ignored. Throws Error.
void sync_to_disk(const std::filesystem::path& path);

/// Syncs the file or folder `from` to disk (fsync), renames it to `to`, and syncs the rename. An
/// existing file is replaced; an existing folder is an error. Throws Error with the system's
/// reason.
void move_into_place(const std::filesystem::path& from, const std::filesystem::path& to);

/// Replaces `path` with `content` in one step. On failure throws Error with the system's reason and
/// keeps the old file.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// The path that `path` leads to through symbolic links. The last link may point to nothing. Throws
/// InputError when the links form a circle.
std::filesystem::path without_links(const std::filesystem::path& path);

/// Whether `path` is a device, a pipe or a socket, which can be written to but not replaced.
bool is_special_file(const std::filesystem::path& path);

/// Throws InputError unless `file` can be written: its folder exists and is writable, and `file` is
/// not a folder. Called before the work whose result is written to it.
void require_writable(const std::filesystem::path& file);

/// The same for a folder of files, which exists or can be created.
void require_writable_folder(const std::filesystem::path& folder);

/// Throws InputError unless the disk of `file`, a file that may not exist yet, has room for
/// `bytes`.
void require_space(const std::filesystem::path& file, uint64_t bytes);

/// Throws InputError unless `path` leads to something; `name` is what the user gave it as
/// ("data.path", "--data").
void require_exists(std::string_view name, const std::filesystem::path& path);

/// Throws InputError, which says what is there instead, unless `path` is a regular file or a link
/// to one. Called before a user's file is opened: opening a pipe would wait for its other end.
void require_regular_file(const std::filesystem::path& path);

/// The whole file. Throws InputError when it cannot be read or is larger than `limit_bytes`.
std::string read_file(const std::filesystem::path& path, size_t limit_bytes);

}  // namespace gm
