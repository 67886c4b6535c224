/// HDF5's C API in the little that this room needs: handles that close themselves, one checking
/// macro, strings.
#pragma once

#include <hdf5.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

/// Calls HDF5 and throws gm::Error with the call and HDF5's reason when it fails.
#define GM_HDF5(call) ::gm::checked_hdf5((call), #call)

namespace gm {

/// HDF5's own words for the innermost cause of the call that failed last in this thread.
std::string hdf5_reason();

/// Keeps HDF5 from printing its error stack to stderr in this thread, and from work at exit. Call
/// it before anything else of HDF5.
void silence_hdf5();

template <typename Result>
Result checked_hdf5(Result result, const char* call) {
  if (result < 0) throw Error("HDF5 failed: {}: {}", hdf5_reason(), call);
  return result;
}

/// Owns an HDF5 identifier.
class Hdf5Id {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Id() = default;
  Hdf5Id(hid_t id, Close closer) : id_(id), close_(closer) {}
  Hdf5Id(Hdf5Id&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Hdf5Id& operator=(Hdf5Id&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Id() {
    if (id_ >= 0) close_(id_);
  }

  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor): used like an id
  /// Closes now and throws Error when that fails: a full disk may show only here.
  void close() { GM_HDF5(close_(std::exchange(id_, H5I_INVALID_HID))); }

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// Opens a file read-only. No lock is taken: many ranks read one file, and locks are missing on
/// some cluster file systems. Throws Error with HDF5's reason.
Hdf5Id open_hdf5_file(const std::string& path);

/// Opens a dataset whose data are all in this file. Throws InputError, naming it, when there is
/// none, when it is a link or keeps its data in other files, when its chunks are too large for
/// memory, or when it is packed with a filter that is missing or unsafe.
Hdf5Id open_hdf5_dataset(hid_t file, const char* name, hid_t access = H5P_DEFAULT);

/// Extent of a dataset.
std::vector<hsize_t> hdf5_extent(hid_t dataset);

/// For messages: the element type and extent of a dataset, such as `float32 [10,32,32,3]`.
std::string describe_hdf5(hid_t dataset);

/// A one-dimensional dataset of strings, of fixed or of variable length. Throws InputError that
/// begins with `name` when it is anything else, or larger than a list of names may be.
std::vector<std::string> read_hdf5_strings(hid_t file, const char* name);
/// Writes strings with a fixed length, padded with zeros: the same bytes for the same strings.
void write_hdf5_strings(hid_t file, const char* name, const std::vector<std::string>& strings);

}  // namespace gm
