/// HDF5 files like those of other programs, valid and invalid.
#pragma once

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "data/hdf5.h"

namespace gm {

class ForeignFile {
 public:
  explicit ForeignFile(const std::filesystem::path& path)
      : file_(GM_HDF5(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)), H5Fclose) {
  }

  operator hid_t() const { return file_; }  // NOLINT(google-explicit-constructor)

  struct Layout {
    std::vector<hsize_t> chunk = {};  ///< Empty: contiguous.
    int gzip = 0;                     ///< Level; 0: not compressed.
    bool fill = true;                 ///< Write data; otherwise only declare it.
  };

  /// Adds a dataset whose bytes count up from 0. With a type of one byte, each value is its index
  /// modulo 256.
  void add(const char* name, hid_t type, const std::vector<hsize_t>& extent) {
    add(name, type, extent, Layout());
  }
  void add(const char* name, hid_t type, const std::vector<hsize_t>& extent, const Layout& layout) {
    const Hdf5Id creation(GM_HDF5(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
    if (!layout.chunk.empty())
      GM_HDF5(H5Pset_chunk(creation, static_cast<int>(layout.chunk.size()), layout.chunk.data()));
    if (layout.gzip > 0) GM_HDF5(H5Pset_deflate(creation, static_cast<unsigned>(layout.gzip)));
    add_created(name, type, extent, creation, layout.fill);
  }

  /// The same with any creation property list.
  void add_created(const char* name, hid_t type, const std::vector<hsize_t>& extent, hid_t creation,
                   bool fill) {
    const Hdf5Id space(
        GM_HDF5(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr)),
        H5Sclose);
    const Hdf5Id dataset(
        GM_HDF5(H5Dcreate2(file_, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT)),
        H5Dclose);
    if (!fill) return;
    const size_t values =
        std::accumulate(extent.begin(), extent.end(), size_t{1}, std::multiplies());
    std::vector<unsigned char> bytes(std::max<size_t>(1, values * H5Tget_size(type)));
    std::iota(bytes.begin(), bytes.end(), static_cast<unsigned char>(0));
    GM_HDF5(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()));
  }

  /// Adds a chunked dataset of bytes.
  void add_bytes(const char* name, const std::vector<hsize_t>& extent,
                 const std::vector<hsize_t>& chunk, const std::vector<uint8_t>& bytes) {
    add(name, H5T_STD_U8LE, extent, {.chunk = chunk, .fill = false});
    const Hdf5Id dataset(GM_HDF5(H5Dopen2(file_, name, H5P_DEFAULT)), H5Dclose);
    GM_HDF5(H5Dwrite(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()));
  }

  void add_integers(const char* name, hid_t file_type, const std::vector<int64_t>& values) {
    const hsize_t count = values.size();
    const Hdf5Id space(GM_HDF5(H5Screate_simple(1, &count, nullptr)), H5Sclose);
    const Hdf5Id dataset(
        GM_HDF5(H5Dcreate2(file_, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)),
        H5Dclose);
    GM_HDF5(H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
  }

  /// Adds strings of `length` bytes with this padding.
  void add_fixed_strings(const char* name, const std::vector<std::string>& strings, size_t length,
                         H5T_str_t padding) {
    std::string bytes;
    for (const auto& text : strings) {
      bytes += text;
      bytes.resize(bytes.size() + length - text.size(), padding == H5T_STR_SPACEPAD ? ' ' : '\0');
    }
    const Hdf5Id type(GM_HDF5(H5Tcopy(H5T_C_S1)), H5Tclose);
    GM_HDF5(H5Tset_size(type, length));
    GM_HDF5(H5Tset_strpad(type, padding));
    const hsize_t count = strings.size();
    const Hdf5Id space(GM_HDF5(H5Screate_simple(1, &count, nullptr)), H5Sclose);
    const Hdf5Id dataset(
        GM_HDF5(H5Dcreate2(file_, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)),
        H5Dclose);
    GM_HDF5(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()));
  }

  /// Adds strings of variable length, as h5py writes them.
  void add_variable_strings(const char* name, const std::vector<std::string>& strings) {
    std::vector<const char*> pointers;
    for (const auto& text : strings) pointers.push_back(text.c_str());
    const Hdf5Id type(GM_HDF5(H5Tcopy(H5T_C_S1)), H5Tclose);
    GM_HDF5(H5Tset_size(type, H5T_VARIABLE));
    const hsize_t count = strings.size();
    const Hdf5Id space(GM_HDF5(H5Screate_simple(1, &count, nullptr)), H5Sclose);
    const Hdf5Id dataset(
        GM_HDF5(H5Dcreate2(file_, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)),
        H5Dclose);
    GM_HDF5(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()));
  }

  void add_integer_attribute(const char* name, int64_t value) {
    const Hdf5Id space(GM_HDF5(H5Screate(H5S_SCALAR)), H5Sclose);
    const Hdf5Id attribute(
        GM_HDF5(H5Acreate2(file_, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT)), H5Aclose);
    GM_HDF5(H5Awrite(attribute, H5T_NATIVE_INT64, &value));
  }

 private:
  Hdf5Id file_;
};

}  // namespace gm
