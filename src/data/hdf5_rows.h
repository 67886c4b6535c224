/// The rows of one HDF5 dataset (images, labels). Contiguous data are read with pread, other data
/// through the HDF5 library.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/hdf5.h"

namespace gm {

/// A file descriptor that closes automatically.
class FileDescriptor {
 public:
  /// Opens read-only. Throws InputError with the reason of the system.
  explicit FileDescriptor(const std::filesystem::path& path);
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  operator int() const { return descriptor_; }  // NOLINT(google-explicit-constructor)
  int64_t size_bytes() const;
  /// Inode number: distinguishes the file from another one with the same name.
  uint64_t inode() const;

 private:
  int descriptor_;
};

class Hdf5Rows {
 public:
  /// Opens dataset `name`, whose elements have type `memory_type` in memory, and checks that all
  /// its data are present in this file. `descriptor` and the file of `file` must outlive the rows.
  /// Throws InputError that names the dataset but not the file.
  Hdf5Rows(hid_t file, const FileDescriptor& descriptor, const char* name, hid_t memory_type);

  const std::vector<int64_t>& extent() const { return extent_; }
  bool is_contiguous() const { return offset_ >= 0; }
  /// Element type in the file and extent, such as `uint8 [10,32,32,3]`.
  const std::string& description() const { return description_; }

  /// Closes the dataset. Expects is_contiguous(): then reading does not use HDF5.
  void close_dataset() { dataset_ = Hdf5Id(); }

  /// Copies rows [first, first + count) to `rows`. May be called from several threads.
  void read(int64_t first, int64_t count, void* rows) const;

 private:
  void check_one_piece(int64_t offset, int64_t bytes) const;
  void check_chunks(hid_t creation) const;
  void read_directly(int64_t first, int64_t count, void* rows) const;
  void read_through_hdf5(int64_t first, int64_t count, void* rows) const;

  const FileDescriptor& descriptor_;
  const char* name_;
  hid_t memory_type_;
  Hdf5Id dataset_;
  std::string description_;
  std::vector<int64_t> extent_;
  int64_t row_bytes_ = 0;
  int64_t offset_ = -1;  // offset of the rows in the file; -1: not contiguous
};

}  // namespace gm
