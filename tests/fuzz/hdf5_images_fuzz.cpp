// Writes an HDF5 file with the HDF5 library, so that its structure is valid, and reads it. Each
// byte of the input is a decision, 0 the usual one: which datasets and attributes exist, their
// type, extent, layout and values, whether they are filled, and where the file is cut. Files with a
// damaged structure are not tested, because HDF5 itself crashes on some.
#include <algorithm>
#include <array>

#include "data/hdf5.h"
#include "data/hdf5_images.h"
#include "fuzz/fuzz.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

constexpr hsize_t kMost = 1 << 16;  // The largest number of bytes written.

class Forger {
 public:
  Forger(const std::filesystem::path& path, Input& input) : input_(input) {
    silence_hdf5();
    const Hdf5Id access(GM_HDF5(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
    if (input_.byte() != 0)
      GM_HDF5(H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST));
    file_ = Hdf5Id(GM_HDF5(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access)), H5Fclose);
  }

  static Hdf5Id string(size_t bytes) {
    Hdf5Id made(GM_HDF5(H5Tcopy(H5T_C_S1)), H5Tclose);
    GM_HDF5(H5Tset_size(made, bytes));
    return made;
  }

  void add_dataset(const char* name, hid_t usual_type, const std::vector<hsize_t>& usual_extent) {
    switch (input_.byte() % 6) {
      case 0:
        return add_real_data_set(name, usual_type, usual_extent);
      case 1:
        return;
      case 2:
        GM_HDF5(H5Lcreate_soft(name, file_, name, H5P_DEFAULT, H5P_DEFAULT));
        return;
      case 3:
        GM_HDF5(H5Lcreate_external("other.h5", name, file_, name, H5P_DEFAULT, H5P_DEFAULT));
        return;
      case 4:
        Hdf5Id(GM_HDF5(H5Gcreate2(file_, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)), H5Gclose);
        return;
      default:
        GM_HDF5(H5Tcommit2(file_, name, choose_type(usual_type), H5P_DEFAULT, H5P_DEFAULT,
                           H5P_DEFAULT));
    }
  }

  void add_attribute(const char* name, hid_t usual_type) {
    if (input_.byte() % 2 != 0) return;
    const Hdf5Id kind = choose_type(usual_type);
    const auto dimensions = choose_extent({});
    if (!is_small(kind, dimensions)) return;
    const Hdf5Id space = space_of(dimensions, {});
    const Hdf5Id attribute(GM_HDF5(H5Acreate2(file_, name, kind, space, H5P_DEFAULT, H5P_DEFAULT)),
                           H5Aclose);
    if (const auto values = values_of(kind, dimensions); !values.empty())
      GM_HDF5(H5Awrite(attribute, kind, values.data()));
  }

 private:
  struct Plan {
    std::vector<hsize_t> most = {};   ///< The maximum extent of the dataset. Empty: it cannot grow.
    std::vector<hsize_t> chunk = {};  ///< Empty: no chunks.
    bool is_elsewhere = false;        ///< Its data is in another file, which must not be written.
  };

  Hdf5Id choose_type(hid_t usual) {
    const std::array plain{usual,         H5T_STD_U8LE,   H5T_STD_I8LE,   H5T_STD_U16BE,
                           H5T_STD_I64BE, H5T_STD_U64LE,  H5T_STD_I32LE,  H5T_IEEE_F32LE,
                           H5T_STD_B8LE,  H5T_IEEE_F64BE, H5T_STD_REF_OBJ};
    constexpr hsize_t kThree = 3;
    switch (const size_t choice = input_.byte() % (plain.size() + 7); choice) {
      case plain.size():
        return string(H5T_VARIABLE);
      case plain.size() + 1:
        return string(1 + input_.byte());
      case plain.size() + 2:
        return string(5000);
      case plain.size() + 3:
        return {GM_HDF5(H5Tvlen_create(H5T_STD_U8LE)), H5Tclose};
      case plain.size() + 4:
        return {GM_HDF5(H5Tarray_create2(H5T_STD_U8LE, 1, &kThree)), H5Tclose};
      case plain.size() + 5:
        return {GM_HDF5(H5Tcreate(H5T_OPAQUE, 300)), H5Tclose};
      case plain.size() + 6: {
        Hdf5Id few_bits(GM_HDF5(H5Tcopy(H5T_STD_U32LE)), H5Tclose);
        GM_HDF5(H5Tset_precision(few_bits, 3));
        return few_bits;
      }
      default:
        return {GM_HDF5(H5Tcopy(plain[choice])), H5Tclose};
    }
  }

  std::vector<hsize_t> choose_extent(const std::vector<hsize_t>& usual) {
    const uint8_t rank = input_.byte();
    std::vector<hsize_t> extent = usual;
    if (rank > 0) extent.assign((rank - 1) % 6, 2);
    for (hsize_t& n : extent) n = choose_length(n);
    return extent;
  }

  hsize_t choose_length(hsize_t usual) {
    constexpr hsize_t kOne = 1;
    const std::array<hsize_t, 16> lengths{usual,
                                          0,
                                          1,
                                          2,
                                          3,
                                          4,
                                          7,
                                          100,
                                          8192,
                                          8193,
                                          1001,
                                          kOne << 20,
                                          (kOne << 31) - 1,
                                          kOne << 32,
                                          kOne << 60,
                                          ~kOne - 1};
    return lengths[input_.byte() % lengths.size()];
  }

  static Hdf5Id space_of(const std::vector<hsize_t>& extent, const std::vector<hsize_t>& most) {
    if (extent.empty()) return {GM_HDF5(H5Screate(H5S_SCALAR)), H5Sclose};
    return {GM_HDF5(H5Screate_simple(static_cast<int>(extent.size()), extent.data(),
                                     most.empty() ? nullptr : most.data())),
            H5Sclose};
  }

  void add_real_data_set(const char* name, hid_t usual_type,
                         const std::vector<hsize_t>& usual_extent) {
    const Hdf5Id type = choose_type(usual_type);
    const auto extent = choose_extent(usual_extent);
    const Hdf5Id creation(GM_HDF5(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
    const Plan plan = choose_layout(creation, extent);
    const Hdf5Id space = space_of(extent, plan.most);
    const Hdf5Id made(
        GM_HDF5(H5Dcreate2(file_, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT)),
        H5Dclose);
    const auto values = values_of(type, extent);
    const bool is_left_empty = plan.is_elsewhere || input_.byte() % 4 == 3;
    if (values.empty() || is_left_empty || !is_small(type, plan.chunk)) return;
    GM_HDF5(H5Dwrite(made, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
  }

  Plan choose_layout(hid_t creation, const std::vector<hsize_t>& extent) {
    Plan plan;
    switch (input_.byte() % 5) {
      case 1:
        GM_HDF5(H5Pset_layout(creation, H5D_COMPACT));
        break;
      case 2:
        plan.chunk = choose_chunks(creation, extent);
        if (input_.byte() % 2 != 0) plan.most.assign(extent.size(), H5S_UNLIMITED);
        break;
      case 3:
        plan.is_elsewhere = true;
        GM_HDF5(H5Pset_external(creation, "other.raw", 0, H5F_UNLIMITED));
        break;
      case 4:
        plan.is_elsewhere = true;
        GM_HDF5(H5Pset_virtual(creation, space_of(extent, {}), "other.h5", "/images",
                               space_of(extent, {})));
    }
    return plan;
  }

  std::vector<hsize_t> choose_chunks(hid_t creation, std::vector<hsize_t> chunk) {
    for (hsize_t& n : chunk) n = choose_length(n);
    GM_HDF5(H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data()));
    const uint8_t filters = input_.byte();
    if ((filters & 1) != 0) GM_HDF5(H5Pset_shuffle(creation));
    if ((filters & 2) != 0) GM_HDF5(H5Pset_deflate(creation, 1));
    if ((filters & 4) != 0) GM_HDF5(H5Pset_fletcher32(creation));
    if ((filters & 8) != 0) GM_HDF5(H5Pset_filter(creation, 300, H5Z_FLAG_OPTIONAL, 0, nullptr));
    return chunk;
  }

  /// Whether an extent of values is small enough to be written. HDF5 holds them in memory.
  static bool is_small(hid_t type, const std::vector<hsize_t>& extent) {
    hsize_t bytes = H5Tget_size(type);
    for (const hsize_t n : extent) bytes = std::min(bytes * std::min(n, kMost), kMost);
    return bytes < kMost;
  }

  /// The values to write, from bytes of the input. Empty if they are too many or need pointers.
  std::vector<uint8_t> values_of(hid_t type, const std::vector<hsize_t>& extent) {
    static const char* text = "a name of variable length";
    const bool is_text = H5Tis_variable_str(type) > 0;
    const bool has_pointers = H5Tdetect_class(type, H5T_VLEN) > 0;
    if (!is_small(type, extent) || (has_pointers && !is_text)) return {};
    size_t bytes = H5Tget_size(type);
    for (const hsize_t n : extent) bytes *= n;
    std::vector<uint8_t> content(bytes);
    const auto given = input_.take(input_.byte());
    for (size_t i = 0; i < bytes; ++i) {
      if (is_text)
        content[i] = reinterpret_cast<const uint8_t*>(&text)[i % sizeof text];
      else if (given.empty())
        content[i] = i % H5Tget_size(type) == 0 ? 1 : 0;
      else
        content[i] = static_cast<uint8_t>(given[i % given.size()]);
    }
    return content;
  }

  Input& input_;
  Hdf5Id file_;
};

void forge(const std::filesystem::path& path, Input& input) {
  Forger forger(path, input);
  const Hdf5Id hash = Forger::string(32);
  forger.add_dataset("images", H5T_STD_U8LE, {4, 3, 2, 1});
  forger.add_dataset("labels", H5T_STD_I64LE, {4});
  forger.add_dataset("classes", hash, {2});
  forger.add_dataset("block_hashes", hash, {1});
  forger.add_attribute("format_version", H5T_STD_I64LE);
  forger.add_attribute("content_hash", hash);
  forger.add_attribute("block_images", H5T_STD_I64LE);
  forger.add_dataset("held_out", H5T_STD_U8LE, {4});
  forger.add_attribute("holdout", H5T_IEEE_F64LE);
}

/// Truncates or extends the file.
void cut(const std::filesystem::path& path, Input& input) {
  const int bytes = static_cast<int8_t>(input.byte()) * 16;
  std::error_code ignored;
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path, ignored));
  if (bytes != 0) std::filesystem::resize_file(path, std::max<int64_t>(0, size + bytes), ignored);
}

void read(const std::filesystem::path& path) {
  const Hdf5Images file(path);
  std::vector<uint8_t> pixels(static_cast<size_t>(file.shape().bytes()));
  may_refuse([&] {
    file.read_image(0, pixels);
    file.read_image(file.size() - 1, pixels);
  });
  may_refuse([&] {
    if (file.has_labels()) file.label(file.size() - 1);
    const auto labels = file.labels();
    require(labels.empty() || std::ssize(labels) == file.size());
  });
  may_refuse([&] {
    const auto held_out = file.held_out();
    require(held_out.empty() || std::ssize(held_out) == file.size());
  });
  may_refuse([&] { file.content_hash(); });
  may_refuse([&] { file.verify(); });
}

}  // namespace
}  // namespace gm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gm::Input input(data, size);
  const gm::TemporaryFolder folder;
  const auto path = folder / "images.h5";
  gm::may_refuse([&] { gm::forge(path, input); });
  gm::cut(path, input);
  gm::may_refuse([&] { gm::read(path); });
  return 0;
}
