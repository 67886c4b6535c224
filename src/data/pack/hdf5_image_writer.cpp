#include "data/pack/hdf5_image_writer.h"

#include <algorithm>

#include "base/error.h"
#include "data/hdf5.h"
#include "data/hdf5_image_format.h"
#include "data/hdf5_images.h"

namespace gm {
using namespace hdf5_image_format;
namespace {

/// The file format of HDF5 1.8: its metadata have checksums, and all current readers support it.
Hdf5Id format_1_8() {
  silence_hdf5();
  Hdf5Id access(GM_HDF5(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  GM_HDF5(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18));
  GM_HDF5(H5Pset_file_locking(access, false, true));
  return access;
}

/// No timestamps are stored, so that the same images give the same bytes.
Hdf5Id create_file(const std::string& path) {
  const Hdf5Id access = format_1_8();
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

/// Rows of a dataset in the file, and as many in memory.
struct RowSpaces {
  Hdf5Id file, memory;
};

RowSpaces spaces_of_rows(hid_t dataset, int64_t first, int64_t count) {
  std::vector<hsize_t> block = hdf5_extent(dataset), start(block.size(), 0);
  start[0] = static_cast<hsize_t>(first);
  block[0] = static_cast<hsize_t>(count);
  Hdf5Id file(GM_HDF5(H5Dget_space(dataset)), H5Sclose);
  GM_HDF5(H5Sselect_hyperslab(file, H5S_SELECT_SET, start.data(), nullptr, block.data(), nullptr));
  Hdf5Id memory(GM_HDF5(H5Screate_simple(static_cast<int>(block.size()), block.data(), nullptr)),
                H5Sclose);
  return {std::move(file), std::move(memory)};
}

void write_rows(hid_t dataset, hid_t memory_type, int64_t first, int64_t count, const void* rows) {
  const RowSpaces spaces = spaces_of_rows(dataset, first, count);
  GM_HDF5(H5Dwrite(dataset, memory_type, spaces.memory, spaces.file, H5P_DEFAULT, rows));
}

void read_rows(hid_t dataset, hid_t memory_type, int64_t first, int64_t count, void* rows) {
  const RowSpaces spaces = spaces_of_rows(dataset, first, count);
  GM_HDF5(H5Dread(dataset, memory_type, spaces.memory, spaces.file, H5P_DEFAULT, rows));
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

/// Replaces the value of an attribute in place, or adds the attribute.
void set_integer_attribute(hid_t file, const char* name, int64_t value) {
  if (GM_HDF5(H5Aexists(file, name)) == 0) return write_integer_attribute(file, name, value);
  Hdf5Id attribute(GM_HDF5(H5Aopen(file, name, H5P_DEFAULT)), H5Aclose);
  GM_HDF5(H5Awrite(attribute, H5T_NATIVE_INT64, &value));
  attribute.close();
}

/// Removes what close() of an earlier process wrote after the images, and may not have finished.
void remove_end(hid_t file) {
  for (const char* name : {kClasses, kBlockHashes}) {
    if (GM_HDF5(H5Lexists(file, name, H5P_DEFAULT)) > 0)
      GM_HDF5(H5Ldelete(file, name, H5P_DEFAULT));
  }
  for (const char* name : {kVersionAttribute, kBlockAttribute}) {
    if (GM_HDF5(H5Aexists(file, name)) > 0) GM_HDF5(H5Adelete(file, name));
  }
}

/// Throws InputError unless describe_hdf5() of the dataset is `expected`.
void require_dataset(hid_t dataset, const char* name, const std::string& expected) {
  const std::string found = describe_hdf5(dataset);
  if (found != expected) throw InputError("{} is {}, but {} is expected", name, found, expected);
}

std::string path_of(hid_t file) {
  std::string path(static_cast<size_t>(GM_HDF5(H5Fget_name(file, nullptr, 0))), '\0');
  GM_HDF5(H5Fget_name(file, path.data(), path.size() + 1));
  return path;
}

}  // namespace

struct Hdf5ImageWriter::File {
  Hdf5Id file;
  Hdf5Id images;
  Hdf5Id labels;
  Hdf5Id held_out;
};

Hdf5ImageWriter::Hdf5ImageWriter(const ImageShape& shape, int64_t images,
                                 std::vector<std::string> classes, double holdout)
    : shape_(shape),
      images_(images),
      classes_(std::move(classes)),
      holdout_(holdout),
      file_(std::make_unique<File>()),
      block_images_(hdf5_image_format::block_images(shape)) {
  block_.reserve(static_cast<size_t>(std::min(images, block_images_) * shape.bytes()));
}

Hdf5ImageWriter::Hdf5ImageWriter(const std::filesystem::path& path, const ImageShape& shape,
                                 int64_t images, std::vector<std::string> classes, double holdout)
    : Hdf5ImageWriter(shape, images, std::move(classes), holdout) {
  const auto n = static_cast<hsize_t>(images);
  file_->file = create_file(path.string());
  file_->images =
      create_dataset(file_->file, kImages, H5T_STD_U8LE,
                     {n, static_cast<hsize_t>(shape.height), static_cast<hsize_t>(shape.width),
                      static_cast<hsize_t>(shape.channels)});
  if (!classes_.empty()) file_->labels = create_dataset(file_->file, kLabels, H5T_STD_I64LE, {n});
  if (holdout_ > 0) file_->held_out = create_dataset(file_->file, kHeldOut, H5T_STD_U8LE, {n});
}

std::unique_ptr<Hdf5ImageWriter> Hdf5ImageWriter::resume(const std::filesystem::path& path,
                                                         const ImageShape& shape, int64_t images,
                                                         std::vector<std::string> classes) {
  std::unique_ptr<Hdf5ImageWriter> writer(
      new Hdf5ImageWriter(shape, images, std::move(classes), /*holdout=*/0));
  try {
    writer->open(path.string());
    writer->read_back(writer->checked_finished());
  } catch (const Error& error) {
    throw InputError("{}: cannot be resumed: {}; remove it", path.string(), error.what());
  }
  return writer;
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

void Hdf5ImageWriter::open(const std::string& path) {
  file_->file = {GM_HDF5(H5Fopen(path.c_str(), H5F_ACC_RDWR, format_1_8())), H5Fclose};
  file_->images = open_hdf5_dataset(file_->file, kImages);
  if (!classes_.empty()) file_->labels = open_hdf5_dataset(file_->file, kLabels);
}

/// The number of images that the file has. Throws InputError when it is not an unfinished file of
/// these images.
int64_t Hdf5ImageWriter::checked_finished() const {
  require_dataset(
      file_->images, kImages,
      fmt::format("uint8 [{},{},{},{}]", images_, shape_.height, shape_.width, shape_.channels));
  if (!classes_.empty())
    require_dataset(file_->labels, kLabels, fmt::format("int64 [{}]", images_));
  const auto finished = read_hdf5_integer(file_->file, kFinishedAttribute);
  const bool is_complete = read_hdf5_text(file_->file, kHashAttribute).has_value();
  if (is_complete || !finished || *finished < 0 || *finished > images_) {
    throw InputError("it is not an unfinished file of {} images", images_);
  }
  return *finished;
}

/// Brings the hashes, and the block that is not full yet, to where they were after `images` images.
void Hdf5ImageWriter::read_back(int64_t images) {
  while (written_ < images) {
    const int64_t count = std::min(block_images_, images - written_);
    block_.resize(static_cast<size_t>(count * shape_.bytes()));
    read_rows(file_->images, H5T_NATIVE_UINT8, written_, count, block_.data());
    if (!classes_.empty()) {
      block_labels_.resize(static_cast<size_t>(count));
      read_rows(file_->labels, H5T_NATIVE_INT64, written_, count, block_labels_.data());
    }
    written_ += count;
    if (count == block_images_) end_block();
  }
  stored_ = written_;
  is_saved_ = true;
}

void Hdf5ImageWriter::write_text_attribute(const char* name, const std::string& text) {
  write_hdf5_text(file_->file, name, text);
}

void Hdf5ImageWriter::save() {
  write_rows_of_block();
  set_integer_attribute(file_->file, kFinishedAttribute, written_);
  GM_HDF5(H5Fflush(file_->file, H5F_SCOPE_LOCAL));
  is_saved_ = true;
}

void Hdf5ImageWriter::write_rows_of_block() {
  const int64_t block_start = written_ - static_cast<int64_t>(block_.size()) / shape_.bytes();
  const int64_t first = std::max(block_start, stored_), count = written_ - first;
  if (count == 0) return;
  const auto row = static_cast<size_t>(first - block_start);  // in the block
  write_rows(file_->images, H5T_NATIVE_UINT8, first, count,
             &block_[row * static_cast<size_t>(shape_.bytes())]);
  if (!classes_.empty())
    write_rows(file_->labels, H5T_NATIVE_INT64, first, count, &block_labels_[row]);
  if (holdout_ > 0)
    write_rows(file_->held_out, H5T_NATIVE_UINT8, first, count, &block_held_out_[row]);
  stored_ = written_;
}

void Hdf5ImageWriter::end_block() {
  if (block_.empty()) return;
  block_hashes_.push_back(hash_block(block_, block_labels_));
  block_.clear();
  block_labels_.clear();
  block_held_out_.clear();
}

void Hdf5ImageWriter::write_block() {
  write_rows_of_block();
  end_block();
}

void Hdf5ImageWriter::close() {
  if (is_saved_) {
    save();
    // Opened again, as a resumed file is, because HDF5 places what follows where its buffers end.
    const std::string path = path_of(file_->file);
    close_all();
    open(path);
    remove_end(file_->file);
  }
  write_block();
  write_end();
  close_all();
}

void Hdf5ImageWriter::close_all() {
  file_->images.close();
  if (!classes_.empty()) file_->labels.close();
  if (holdout_ > 0) file_->held_out.close();
  file_->file.close();
}

void Hdf5ImageWriter::write_end() {
  const hid_t file = file_->file;
  if (!classes_.empty()) write_hdf5_strings(file, kClasses, classes_);
  if (!block_hashes_.empty()) write_hdf5_strings(file, kBlockHashes, block_hashes_);
  write_integer_attribute(
      file, kVersionAttribute,
      holdout_ > 0 ? Hdf5Images::kHoldoutFormatVersion : Hdf5Images::kFormatVersion);
  if (holdout_ > 0) write_fraction_attribute(file, kHoldoutAttribute, holdout_);
  write_integer_attribute(file, kBlockAttribute, block_images_);
  write_hdf5_text(file, kHashAttribute,
                  hash_content(shape_, written_, classes_, block_hashes_, holdout_));
}

}  // namespace gm
