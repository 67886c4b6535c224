/// The disk operations that a checkpoint needs, so that a test can make each of them fail.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace gm {

/// A new file that is being written.
class OutputFile {
 public:
  /// Abandons the file if it was not closed.
  virtual ~OutputFile() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
  /// Closes the file. Returns when its bytes are on the disk.
  virtual void close() = 0;
};

/// Every function throws Error, with the path and the system's reason, if the disk fails.
class Storage {
 public:
  virtual ~Storage() = default;
  /// The parent must exist. It is not an error if the folder itself exists.
  virtual void create_folder(const std::filesystem::path& path) = 0;
  /// An existing file is overwritten.
  virtual std::unique_ptr<OutputFile> create_file(const std::filesystem::path& path) = 0;
  /// Returns when the names in the folder are on the disk.
  virtual void sync_folder(const std::filesystem::path& path) = 0;
  /// An existing file or link at `to` is replaced in one step; a folder is an error.
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  /// Makes the symbolic link `path` with the text `target`.
  virtual void link(const std::filesystem::path& target, const std::filesystem::path& path) = 0;
  /// Removes a file, a link or a whole folder. It is not an error if there is none.
  virtual void remove(const std::filesystem::path& path) = 0;
};

/// The file system.
class Disk final : public Storage {
 public:
  void create_folder(const std::filesystem::path& path) override;
  std::unique_ptr<OutputFile> create_file(const std::filesystem::path& path) override;
  void sync_folder(const std::filesystem::path& path) override;
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
  void link(const std::filesystem::path& target, const std::filesystem::path& path) override;
  void remove(const std::filesystem::path& path) override;
};

}  // namespace gm
