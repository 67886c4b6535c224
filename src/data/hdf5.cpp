#include "data/hdf5.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <memory_resource>

namespace gm {
namespace {

constexpr hsize_t kMaxStrings = 1 << 20;
constexpr size_t kLongestString = 4096;
constexpr size_t kMaxBytes = 1 << 26;
/// A chunk is always read and decompressed as a whole.
constexpr hsize_t kLargestChunkBytes = 256 << 20;

herr_t keep_first_reason(unsigned, const H5E_error2_t* error, void* reason) {
  auto& text = *static_cast<std::string*>(reason);
  if (text.empty() && error->desc != nullptr) text = error->desc;
  return 0;
}

/// Keeps the message of the operating system. HDF5 adds the time, an address and more, on two
/// lines.
std::string without_details(const std::string& reason) {
  constexpr std::string_view kSystemsWords = "error message = '";
  const size_t found = reason.find(kSystemsWords);
  if (found == std::string::npos) return reason;
  const size_t begin = found + kSystemsWords.size();
  return fmt::format("{}: {}", reason.substr(0, reason.find(':')),
                     reason.substr(begin, reason.find('\'', begin) - begin));
}

/// Memory for strings of variable length, freed as a whole. It limits the size during the read: a
/// file may refer to one long string many times, so the total size is not known in advance.
class StringMemory {
 public:
  static void* allocate(size_t bytes, void* self) {
    auto& memory = *static_cast<StringMemory*>(self);
    memory.is_exhausted_ = memory.is_exhausted_ || bytes > memory.left_;
    if (memory.is_exhausted_) return nullptr;
    memory.left_ -= bytes;
    return memory.bytes_.allocate(bytes, 1);
  }
  static void keep(void*, void*) {}

  bool is_exhausted() const { return is_exhausted_; }

 private:
  std::pmr::monotonic_buffer_resource bytes_;
  size_t left_ = kMaxBytes;
  bool is_exhausted_ = false;
};

std::vector<std::string> read_variable_strings(hid_t dataset, hid_t type, size_t count,
                                               const char* name) {
  StringMemory memory;
  const Hdf5Id transfer(GM_HDF5(H5Pcreate(H5P_DATASET_XFER)), H5Pclose);
  GM_HDF5(H5Pset_vlen_mem_manager(transfer, StringMemory::allocate, &memory, StringMemory::keep,
                                  nullptr));
  std::vector<char*> pointers(count);
  const herr_t status = H5Dread(dataset, type, H5S_ALL, H5S_ALL, transfer, pointers.data());
  if (memory.is_exhausted())
    throw InputError("{} holds more than {} bytes of names", name, kMaxBytes);
  GM_HDF5(status);
  std::vector<std::string> strings;
  for (const char* text : pointers) strings.emplace_back(text == nullptr ? "" : text);
  return strings;
}

/// HDF5 returns the strings padded with zeros, for any padding in the file (Fortran, MATLAB and IDL
/// pad with spaces).
std::vector<std::string> read_fixed_strings(hid_t dataset, hid_t type, size_t count) {
  const size_t length = H5Tget_size(type);
  const Hdf5Id padded(GM_HDF5(H5Tcopy(type)), H5Tclose);
  GM_HDF5(H5Tset_strpad(padded, H5T_STR_NULLPAD));
  std::string bytes(length * count, '\0');
  GM_HDF5(H5Dread(dataset, padded, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()));
  std::vector<std::string> strings;
  for (size_t i = 0; i < count; ++i) {
    const std::string text = bytes.substr(i * length, length);
    strings.push_back(text.substr(0, text.find_last_not_of('\0') + 1));
  }
  return strings;
}

void check_link(hid_t file, const char* name) {
  if (H5Lexists(file, name, H5P_DEFAULT) <= 0)
    throw InputError("has no dataset {}; files that gm_data pack makes have it", name);
  H5L_info_t link;
  GM_HDF5(H5Lget_info(file, name, &link, H5P_DEFAULT));
  if (link.type != H5L_TYPE_HARD)
    throw InputError("{} is a link; copy the data into this file (h5repack)", name);
  H5O_info_t object;
  GM_HDF5(H5Oget_info_by_name2(file, name, &object, H5O_INFO_BASIC, H5P_DEFAULT));
  if (object.type != H5O_TYPE_DATASET) throw InputError("{} is not a dataset", name);
}

void check_filters(hid_t creation, const char* name) {
  const int filters = GM_HDF5(H5Pget_nfilters(creation));
  for (int i = 0; i < filters; ++i) {
    size_t values = 0;
    unsigned flags = 0, config = 0;
    char filter_name[64] = "";
    const auto filter = GM_HDF5(H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values,
                                               nullptr, sizeof filter_name, filter_name, &config));
    if (filter == H5Z_FILTER_NBIT || filter == H5Z_FILTER_SCALEOFFSET) {
      throw InputError(
          "{} is packed with HDF5 filter {} ({}), which does not check the sizes in a file; write "
          "it with gzip, or without a filter (h5repack)",
          name, filter, filter_name);
    }
    if (H5Zfilter_avail(filter) <= 0) {
      throw InputError(
          "{} is compressed with HDF5 filter {} ({}), which is not installed here; install it "
          "(package hdf5-filter-plugin) or write the file without it",
          name, filter, filter_name);
    }
  }
}

void check_chunk_size(hid_t dataset, hid_t creation, const char* name) {
  if (H5Pget_layout(creation) != H5D_CHUNKED) return;
  const Hdf5Id type(GM_HDF5(H5Dget_type(dataset)), H5Tclose);
  std::vector<hsize_t> chunk(H5S_MAX_RANK);
  chunk.resize(static_cast<size_t>(GM_HDF5(H5Pget_chunk(creation, H5S_MAX_RANK, chunk.data()))));
  hsize_t bytes = H5Tget_size(type);
  for (const hsize_t n : chunk) {
    if (__builtin_mul_overflow(bytes, n, &bytes)) bytes = std::numeric_limits<hsize_t>::max();
  }
  if (bytes == 0 || bytes > kLargestChunkBytes) {
    throw InputError(
        "{} has chunks of {} bytes, but 1 to {} are allowed; write it with smaller chunks "
        "(h5repack)",
        name, bytes, kLargestChunkBytes);
  }
}

std::string describe_type(hid_t type) {
  const size_t bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("{}int{}", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_FLOAT:
      return fmt::format("float{}", bits);
    case H5T_STRING:
      return "string";
    default:
      return "another type";
  }
}

}  // namespace

std::string hdf5_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first_reason, &reason);
  return reason.empty() ? "no reason given" : without_details(reason);
}

void silence_hdf5() {
  // If closing a file fails (for example on a full disk), HDF5 would close it again at exit and
  // crash.
  static const herr_t not_at_exit = H5dont_atexit();
  static_cast<void>(not_at_exit);
  thread_local const herr_t silenced = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  static_cast<void>(silenced);
}

Hdf5Id open_hdf5_file(const std::string& path) {
  silence_hdf5();
  const Hdf5Id access(GM_HDF5(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  GM_HDF5(H5Pset_file_locking(access, false, true));
  return {GM_HDF5(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access)), H5Fclose};
}

Hdf5Id open_hdf5_dataset(hid_t file, const char* name, hid_t access) {
  check_link(file, name);
  Hdf5Id dataset(GM_HDF5(H5Dopen2(file, name, access)), H5Dclose);
  const Hdf5Id creation(GM_HDF5(H5Dget_create_plist(dataset)), H5Pclose);
  if (H5Pget_layout(creation) == H5D_VIRTUAL || H5Pget_external_count(creation) > 0)
    throw InputError("{} keeps its data in other files; copy it into one (h5repack)", name);
  check_chunk_size(dataset, creation, name);
  check_filters(creation, name);
  return dataset;
}

std::vector<hsize_t> hdf5_extent(hid_t dataset) {
  const Hdf5Id space(GM_HDF5(H5Dget_space(dataset)), H5Sclose);
  std::vector<hsize_t> extent(static_cast<size_t>(GM_HDF5(H5Sget_simple_extent_ndims(space))));
  GM_HDF5(H5Sget_simple_extent_dims(space, extent.data(), nullptr));
  return extent;
}

std::string describe_hdf5(hid_t dataset) {
  const Hdf5Id type(GM_HDF5(H5Dget_type(dataset)), H5Tclose);
  return fmt::format("{} [{}]", describe_type(type), fmt::join(hdf5_extent(dataset), ","));
}

std::vector<std::string> read_hdf5_strings(hid_t file, const char* name) {
  const Hdf5Id dataset = open_hdf5_dataset(file, name);
  const Hdf5Id type(GM_HDF5(H5Dget_type(dataset)), H5Tclose);
  const auto extent = hdf5_extent(dataset);
  const bool is_variable = H5Tis_variable_str(type) > 0;
  if (H5Tget_class(type) != H5T_STRING || extent.size() != 1 || extent[0] > kMaxStrings ||
      (!is_variable && H5Tget_size(type) > kLongestString)) {
    throw InputError("{} is {}, but a list of names is expected", name, describe_hdf5(dataset));
  }
  if (extent[0] == 0) return {};
  if (is_variable) return read_variable_strings(dataset, type, extent[0], name);
  if (extent[0] * H5Tget_size(type) > kMaxBytes)
    throw InputError("{} holds more than {} bytes of names", name, kMaxBytes);
  return read_fixed_strings(dataset, type, extent[0]);
}

void write_hdf5_strings(hid_t file, const char* name, const std::vector<std::string>& strings) {
  size_t length = 1;
  for (const auto& text : strings) length = std::max(length, text.size());
  std::string bytes(length * strings.size(), '\0');
  for (size_t i = 0; i < strings.size(); ++i) strings[i].copy(&bytes[i * length], length);

  Hdf5Id type(GM_HDF5(H5Tcopy(H5T_C_S1)), H5Tclose);
  GM_HDF5(H5Tset_size(type, length));
  GM_HDF5(H5Tset_strpad(type, H5T_STR_NULLPAD));
  GM_HDF5(H5Tset_cset(type, H5T_CSET_UTF8));
  const hsize_t count = strings.size();
  Hdf5Id space(GM_HDF5(H5Screate_simple(1, &count, nullptr)), H5Sclose);
  Hdf5Id creation(GM_HDF5(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  GM_HDF5(H5Pset_obj_track_times(creation, false));
  Hdf5Id dataset(GM_HDF5(H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT)),
                 H5Dclose);
  GM_HDF5(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()));
  dataset.close();
}

std::optional<std::string> read_hdf5_text(hid_t file, const char* name) {
  if (GM_HDF5(H5Aexists(file, name)) == 0) return std::nullopt;
  const Hdf5Id attribute(GM_HDF5(H5Aopen(file, name, H5P_DEFAULT)), H5Aclose);
  const Hdf5Id type(GM_HDF5(H5Aget_type(attribute)), H5Tclose);
  const Hdf5Id space(GM_HDF5(H5Aget_space(attribute)), H5Sclose);
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0 ||
      H5Tget_size(type) > kMaxBytes || H5Sget_simple_extent_npoints(space) != 1) {
    throw InputError("attribute {} is not a text of fixed length", name);
  }
  std::string text(H5Tget_size(type), '\0');
  GM_HDF5(H5Aread(attribute, type, text.data()));
  return text;
}

void write_hdf5_text(hid_t file, const char* name, const std::string& text) {
  const Hdf5Id type(GM_HDF5(H5Tcopy(H5T_C_S1)), H5Tclose);
  GM_HDF5(H5Tset_size(type, text.size()));
  GM_HDF5(H5Tset_strpad(type, H5T_STR_NULLPAD));
  const Hdf5Id space(GM_HDF5(H5Screate(H5S_SCALAR)), H5Sclose);
  Hdf5Id attribute(GM_HDF5(H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT)),
                   H5Aclose);
  GM_HDF5(H5Awrite(attribute, type, text.data()));
  attribute.close();
}

std::optional<int64_t> read_hdf5_integer(hid_t file, const char* name) {
  if (GM_HDF5(H5Aexists(file, name)) == 0) return std::nullopt;
  const Hdf5Id attribute(GM_HDF5(H5Aopen(file, name, H5P_DEFAULT)), H5Aclose);
  const Hdf5Id type(GM_HDF5(H5Aget_type(attribute)), H5Tclose);
  const Hdf5Id space(GM_HDF5(H5Aget_space(attribute)), H5Sclose);
  if (H5Tget_class(type) != H5T_INTEGER || H5Sget_simple_extent_npoints(space) != 1)
    throw InputError("attribute {} is not one integer", name);
  int64_t value = 0;
  GM_HDF5(H5Aread(attribute, H5T_NATIVE_INT64, &value));
  return value;
}

}  // namespace gm
