/// Writes the image files that hdf5_images.h reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "image/image_shape.h"

namespace gm {

/// Creates a file for a known number of images and takes them one by one, in order. Holds one
/// block of about 4 MiB. The same images give the same bytes.
///
/// A file that save() was called for can be resumed, by another process, after the last save().
class Hdf5ImageWriter {
 public:
  /// Without `classes` there are no labels. The fraction `holdout` of the images, chosen by their
  /// content, is marked as held out. Throws Error when the file cannot be created.
  Hdf5ImageWriter(const std::filesystem::path& path, const ImageShape& shape, int64_t images,
                  std::vector<std::string> classes, double holdout = 0);
  ~Hdf5ImageWriter();
  /// Resumes the file of a writer with the same arguments, and without held-out images. Reads the
  /// images that it has. Throws InputError, which names the file, when it is another file, is
  /// complete or is damaged.
  static std::unique_ptr<Hdf5ImageWriter> resume(const std::filesystem::path& path,
                                                 const ImageShape& shape, int64_t images,
                                                 std::vector<std::string> classes);

  /// Stores a text with the images, as the attribute `name`; not empty.
  void write_text_attribute(const char* name, const std::string& text);
  /// Takes pixels [H,W,C] and a label, which is ignored when there are no classes. Throws Error
  /// when the disk is full.
  void append(std::span<const uint8_t> pixels, int64_t label);
  /// Number of images written so far.
  int64_t written() const { return written_; }
  /// Number of held-out images among them.
  int64_t held_out() const { return held_out_; }
  /// Writes what was appended since the last call, and how many images the file has now. The file
  /// stays open.
  void save();
  /// Writes the last block, the hashes and the attributes. When that fails, a file that was saved
  /// can be resumed. If fewer images than announced were
  /// appended, the file is readable but fails verification.
  void close();

 private:
  struct File;

  /// Creates and opens nothing yet.
  Hdf5ImageWriter(const ImageShape& shape, int64_t images, std::vector<std::string> classes,
                  double holdout);
  void open(const std::string& path);
  int64_t checked_finished() const;
  void read_back(int64_t images);
  void write_rows_of_block();
  void end_block();
  void write_block();
  void write_end();
  void close_all();

  ImageShape shape_;
  int64_t images_;
  std::vector<std::string> classes_;
  double holdout_;
  std::unique_ptr<File> file_;
  int64_t block_images_;
  int64_t written_ = 0, held_out_ = 0;
  int64_t stored_ = 0;  // of the written ones, those that are in the file
  std::vector<uint8_t> block_;
  std::vector<int64_t> block_labels_;
  std::vector<uint8_t> block_held_out_;
  std::vector<std::string> block_hashes_;
  bool is_saved_ = false;  // at least once
};

}  // namespace gm
