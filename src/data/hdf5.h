/// Helpers for the C API of HDF5: handles that close automatically, an error-checking macro,
/// strings.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

/// Calls HDF5 and throws gm::Error with the call and HDF5's reason when it fails.
#define GM_HDF5(call) ::gm::checked_hdf5((call), #call)

namespace gm {

/// The error message of HDF5 for the innermost cause of the last failed call in this thread.
std::string hdf5_reason();

/// Disables the printing of the HDF5 error stack to stderr in this thread, and the cleanup of HDF5
/// at exit. Call it before any other HDF5 function.
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

  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor)
  /// Closes now and throws Error when that fails: a full disk may be detected only here.
  void close() { GM_HDF5(close_(std::exchange(id_, H5I_INVALID_HID))); }

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// Opens a file read-only. No lock is taken: many ranks read the same file, and some cluster file
/// systems have no locks. Throws Error with HDF5's reason.
Hdf5Id open_hdf5_file(const std::string& path);

/// Opens a dataset that stores all its data in this file. Throws InputError with its name when it
/// does not exist, is a link, keeps its data in other files, has chunks that are too large for
/// memory, or uses a filter that is missing or unsafe.
Hdf5Id open_hdf5_dataset(hid_t file, const char* name, hid_t access = H5P_DEFAULT);

/// Extent of a dataset.
std::vector<hsize_t> hdf5_extent(hid_t dataset);

/// For messages: the element type and extent of a dataset, such as `float32 [10,32,32,3]`.
std::string describe_hdf5(hid_t dataset);

/// Reads a one-dimensional dataset of strings of fixed or variable length. Throws InputError that
/// begins with `name` when it is not such a dataset or is too large for a list of names.
std::vector<std::string> read_hdf5_strings(hid_t file, const char* name);
/// A text that is an attribute of the root. nullopt if there is none.
std::optional<std::string> read_hdf5_text(hid_t file, const char* name);
/// Writes a text, not empty, as an attribute of the root.
void write_hdf5_text(hid_t file, const char* name, const std::string& text);
/// An integer that is an attribute of the root. nullopt if there is none.
std::optional<int64_t> read_hdf5_integer(hid_t file, const char* name);
/// Writes strings with a fixed length, padded with zeros. Equal strings give equal bytes.
void write_hdf5_strings(hid_t file, const char* name, const std::vector<std::string>& strings);

}  // namespace gm
