#include "data/pack/hdf5_image_writer.h"

#include "base/error.h"
#include "data/hdf5.h"
#include "data/hdf5_image_format.h"
#include "data/hdf5_images.h"

namespace gm {
using namespace hdf5_image_format;
namespace {

/// The file format of HDF5 1.8: its metadata have checksums, and all current readers support it. No
/// timestamps are stored, so that the same images give the same bytes.
Hdf5Id create_file(const std::string& path) {
  silence_hdf5();
  const Hdf5Id access(GM_HDF5(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  GM_HDF5(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18));
  GM_HDF5(H5Pset_file_locking(access, false, true));
  const Hdf5Id creation(GM_HDF5(H5Pcreate(H5P_FILE_CREATE)), H5Pclose);
  GM_HDF5(H5Pset_obj_track_times(creation, false));
  return {GM_HDF5(H5Fcreate(path.c_str(), H5F_ACC_EXCL, creation, access)), H5Fclose};
}

Hdf5Id create_dataset(hid_t file, const char* name, hid_t type,
                      const std::vector<hsize_t>& extent) {
  const Hdf5Id space(
      GM_HDF5(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr)), H5Sclose);
  const Hdf5Id creation(GM_HDF5(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  GM_HDF5(H5Pset_layout(creation, H5D_CONTIGUOUS));
  GM_HDF5(H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY));
  GM_HDF5(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER));
  GM_HDF5(H5Pset_obj_track_times(creation, false));
  return {GM_HDF5(H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT)),
          H5Dclose};
}

void write_rows(hid_t dataset, hid_t memory_type, int64_t first, int64_t count, const void* rows) {
  std::vector<hsize_t> block = hdf5_extent(dataset), start(block.size(), 0);
  start[0] = static_cast<hsize_t>(first);
  block[0] = static_cast<hsize_t>(count);
  const Hdf5Id file_space(GM_HDF5(H5Dget_space(dataset)), H5Sclose);
  GM_HDF5(H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start.data(), nullptr, block.data(),
                              nullptr));
  const Hdf5Id memory_space(
      GM_HDF5(H5Screate_simple(static_cast<int>(block.size()), block.data(), nullptr)), H5Sclose);
  GM_HDF5(H5Dwrite(dataset, memory_type, memory_space, file_space, H5P_DEFAULT, rows));
}

void write_attribute(hid_t file, const char* name, hid_t file_type, hid_t memory_type,
                     const void* value) {
  const Hdf5Id space(GM_HDF5(H5Screate(H5S_SCALAR)), H5Sclose);
  Hdf5Id attribute(GM_HDF5(H5Acreate2(file, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT)),
                   H5Aclose);
  GM_HDF5(H5Awrite(attribute, memory_type, value));
  attribute.close();
}

void write_fraction_attribute(hid_t file, const char* name, double value) {
  write_attribute(file, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

void write_integer_attribute(hid_t file, const char* name, int64_t value) {
  write_attribute(file, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

void write_text_attribute(hid_t file, const char* name, const std::string& value) {
  const Hdf5Id type(GM_HDF5(H5Tcopy(H5T_C_S1)), H5Tclose);
  GM_HDF5(H5Tset_size(type, value.size()));
  GM_HDF5(H5Tset_strpad(type, H5T_STR_NULLPAD));
  write_attribute(file, name, type, type, value.data());
}

}  // namespace

struct Hdf5ImageWriter::File {
  Hdf5Id file;
  Hdf5Id images;
  Hdf5Id labels;
  Hdf5Id held_out;
};

Hdf5ImageWriter::Hdf5ImageWriter(const std::filesystem::path& path, const ImageShape& shape,
                                 int64_t images, std::vector<std::string> classes, double holdout)
    : shape_(shape),
      images_(images),
      classes_(std::move(classes)),
      holdout_(holdout),
      file_(std::make_unique<File>()),
      block_images_(hdf5_image_format::block_images(shape)) {
  const auto n = static_cast<hsize_t>(images);
  file_->file = create_file(path.string());
  file_->images =
      create_dataset(file_->file, kImages, H5T_STD_U8LE,
                     {n, static_cast<hsize_t>(shape.height), static_cast<hsize_t>(shape.width),
                      static_cast<hsize_t>(shape.channels)});
  if (!classes_.empty()) file_->labels = create_dataset(file_->file, kLabels, H5T_STD_I64LE, {n});
  if (holdout_ > 0) file_->held_out = create_dataset(file_->file, kHeldOut, H5T_STD_U8LE, {n});
  block_.reserve(static_cast<size_t>(std::min(images, block_images_) * shape.bytes()));
}

Hdf5ImageWriter::~Hdf5ImageWriter() = default;

void Hdf5ImageWriter::append(std::span<const uint8_t> pixels, int64_t label) {
  if (static_cast<int64_t>(pixels.size()) != shape_.bytes() || written_ == images_)
    throw Error("image {} of {} does not fit the file", written_, images_);
  block_.insert(block_.end(), pixels.begin(), pixels.end());
  if (!classes_.empty()) block_labels_.push_back(label);
  if (holdout_ > 0) {
    block_held_out_.push_back(is_held_out(pixels, holdout_) ? 1 : 0);
    held_out_ += block_held_out_.back();
  }
  ++written_;
  if (written_ % block_images_ == 0) write_block();
}

void Hdf5ImageWriter::write_block() {
  const auto count = static_cast<int64_t>(block_.size()) / shape_.bytes();
  if (count == 0) return;
  const int64_t first = written_ - count;
  write_rows(file_->images, H5T_NATIVE_UINT8, first, count, block_.data());
  if (!classes_.empty())
    write_rows(file_->labels, H5T_NATIVE_INT64, first, count, block_labels_.data());
  if (holdout_ > 0)
    write_rows(file_->held_out, H5T_NATIVE_UINT8, first, count, block_held_out_.data());
  block_hashes_.push_back(hash_block(block_, block_labels_));
  block_.clear();
  block_labels_.clear();
  block_held_out_.clear();
}

void Hdf5ImageWriter::close() {
  write_block();
  const hid_t file = file_->file;
  if (!classes_.empty()) write_hdf5_strings(file, kClasses, classes_);
  if (!block_hashes_.empty()) write_hdf5_strings(file, kBlockHashes, block_hashes_);
  write_integer_attribute(
      file, kVersionAttribute,
      holdout_ > 0 ? Hdf5Images::kHoldoutFormatVersion : Hdf5Images::kFormatVersion);
  if (holdout_ > 0) write_fraction_attribute(file, kHoldoutAttribute, holdout_);
  write_integer_attribute(file, kBlockAttribute, block_images_);
  write_text_attribute(file, kHashAttribute,
                       hash_content(shape_, written_, classes_, block_hashes_, holdout_));
  file_->images.close();
  if (!classes_.empty()) file_->labels.close();
  if (holdout_ > 0) file_->held_out.close();
  file_->file.close();
}

}  // namespace gm
