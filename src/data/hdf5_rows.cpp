#include "data/hdf5_rows.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gm {
namespace {

constexpr int64_t kLargestDatasetBytes = int64_t{1} << 60;

int64_t bytes_of_rows(const std::vector<int64_t>& extent, int64_t bytes, const char* name) {
  for (const int64_t n : extent) {
    if (__builtin_mul_overflow(bytes, n, &bytes) || bytes > kLargestDatasetBytes)
      throw InputError("{} declares a size that no file can have", name);
  }
  return bytes;
}

struct stat status_of(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw Error("fstat failed: {}", std::strerror(errno));
  return status;
}

}  // namespace

FileDescriptor::FileDescriptor(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0)
    throw InputError("{}: cannot be opened for reading: {}", path.string(), std::strerror(errno));
}

FileDescriptor::~FileDescriptor() { ::close(descriptor_); }

int64_t FileDescriptor::size_bytes() const { return status_of(descriptor_).st_size; }

uint64_t FileDescriptor::inode() const { return status_of(descriptor_).st_ino; }

Hdf5Rows::Hdf5Rows(hid_t file, const FileDescriptor& descriptor, const char* name,
                   hid_t memory_type)
    : descriptor_(descriptor), name_(name), memory_type_(memory_type) {
  // No cache of decompressed chunks: images are read one by one in random order, where a cache
  // smaller than the dataset only costs time.
  const Hdf5Id access(GM_HDF5(H5Pcreate(H5P_DATASET_ACCESS)), H5Pclose);
  GM_HDF5(H5Pset_chunk_cache(access, 521, 0, 0.75));
  dataset_ = open_hdf5_dataset(file, name, access);
  description_ = describe_hdf5(dataset_);
  for (const hsize_t n : hdf5_extent(dataset_)) extent_.push_back(static_cast<int64_t>(n));

  const Hdf5Id type(GM_HDF5(H5Dget_type(dataset_)), H5Tclose);
  const auto element_bytes = static_cast<int64_t>(H5Tget_size(type));
  const int64_t bytes = bytes_of_rows(extent_, element_bytes, name);
  if (bytes == 0 || extent_.empty()) return;
  row_bytes_ = bytes / extent_[0] / element_bytes * static_cast<int64_t>(H5Tget_size(memory_type));

  const Hdf5Id creation(GM_HDF5(H5Dget_create_plist(dataset_)), H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(creation);
  if (layout == H5D_CHUNKED) check_chunks(creation);
  if (layout == H5D_COMPACT) check_one_piece(0, bytes);  // without it HDF5 reads out of bounds
  if (layout == H5D_CONTIGUOUS) {
    const haddr_t offset = H5Dget_offset(dataset_);
    check_one_piece(offset == HADDR_UNDEF ? -1 : static_cast<int64_t>(offset), bytes);
    if (H5Tequal(type, memory_type) > 0) offset_ = static_cast<int64_t>(offset);
  }
}

void Hdf5Rows::check_one_piece(int64_t offset, int64_t bytes) const {
  const auto stored = static_cast<int64_t>(H5Dget_storage_size(dataset_));
  const int64_t file_bytes = descriptor_.size_bytes();
  if (offset < 0 || stored != bytes || offset > file_bytes || bytes > file_bytes - offset) {
    throw InputError(
        "{} declares {} ({} bytes), but the file has {} bytes in all; it was cut short or never "
        "filled: copy it again or pack it again",
        name_, description(), bytes, file_bytes);
  }
}

void Hdf5Rows::check_chunks(hid_t creation) const {
  std::vector<hsize_t> chunk(extent_.size());
  const int rank = static_cast<int>(chunk.size());
  if (GM_HDF5(H5Pget_chunk(creation, rank, chunk.data())) != rank)
    throw InputError("{} is {}, but has chunks of another rank", name_, description());
  hsize_t expected = 1;
  for (size_t i = 0; i < chunk.size(); ++i)
    expected *= (static_cast<hsize_t>(extent_[i]) + chunk[i] - 1) / chunk[i];
  hsize_t present = 0;
  const Hdf5Id space(GM_HDF5(H5Dget_space(dataset_)), H5Sclose);
  GM_HDF5(H5Dget_num_chunks(dataset_, space, &present));
  if (present != expected) {
    throw InputError("{} declares {} in {} chunks, but only {} are there; write the file again",
                     name_, description(), expected, present);
  }
}

void Hdf5Rows::read(int64_t first, int64_t count, void* rows) const {
  if (is_contiguous())
    read_directly(first, count, rows);
  else
    read_through_hdf5(first, count, rows);
}

void Hdf5Rows::read_directly(int64_t first, int64_t count, void* rows) const {
  auto* out = static_cast<char*>(rows);
  int64_t position = offset_ + first * row_bytes_;
  for (int64_t left = count * row_bytes_; left > 0;) {
    const ssize_t got = ::pread(descriptor_, out, static_cast<size_t>(left), position);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error("{}: reading failed: {}", name_, std::strerror(errno));
    if (got == 0) throw Error("{}: the file became shorter while it was read", name_);
    out += got;
    position += got;
    left -= got;
  }
}

void Hdf5Rows::read_through_hdf5(int64_t first, int64_t count, void* rows) const {
  silence_hdf5();
  std::vector<hsize_t> start(extent_.size(), 0), block(extent_.begin(), extent_.end());
  start[0] = static_cast<hsize_t>(first);
  block[0] = static_cast<hsize_t>(count);
  const Hdf5Id file_space(GM_HDF5(H5Dget_space(dataset_)), H5Sclose);
  GM_HDF5(H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start.data(), nullptr, block.data(),
                              nullptr));
  const Hdf5Id memory_space(
      GM_HDF5(H5Screate_simple(static_cast<int>(block.size()), block.data(), nullptr)), H5Sclose);
  GM_HDF5(H5Dread(dataset_, memory_type_, memory_space, file_space, H5P_DEFAULT, rows));
}

}  // namespace gm
