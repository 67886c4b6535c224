/// The sources of images to pack: a folder of files, or an IDX file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/pack/folder_listing.h"
#include "image/decode.h"
#include "image/decoded_image.h"

namespace gm {

/// An image that is not read or decoded yet.
struct SourceItem {
  std::string name;   ///< For messages.
  int64_t label = 0;  ///< An index of ImageSource::classes(); 0 when there are none.
  std::function<DecodedImage()>
      decode;  ///< Runs on any thread. Throws InputError that begins with name.
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;

  virtual int64_t size() const = 0;
  virtual const std::vector<std::string>& classes() const = 0;
  virtual int64_t channels() const = 0;
  /// Height and width if all images of the source have the same square size, otherwise 0.
  virtual int64_t own_size() const = 0;
  /// Messages for the user about what was left out or not found; may be empty.
  virtual std::vector<std::string> remarks() const { return {}; }
  /// The next image, always in the same order. At most size() calls; not thread-safe.
  virtual SourceItem next() = 0;
};

struct SourceOptions {
  std::string classes = "all";  ///< Classes to keep, separated by commas.
  DecodeOptions decode = {};
};

/// JPEG and PNG files (by extension) of a folder, sorted by path. Each sub-folder with at least one
/// image at any depth is a class; without sub-folders there are no classes. Ignores hidden entries,
/// folders that operating systems create (folder_entries.h), and output of gm_train. Throws
/// InputError when there are no images, images are beside the class folders, a class name is not
/// allowed (class_names.h), a folder cannot be listed, or links form a cycle.
std::unique_ptr<ImageSource> open_folder_source(FolderListing listing,
                                                const DecodeOptions& options);

/// A file in the IDX format of the MNIST dataset, plain or gzip, [N,H,W] bytes. The label file is
/// found in the same folder: the same name with `labels` instead of `images` and `idx1` instead of
/// `idx3`; case, punctuation and `.gz` may differ. The class names are the label numbers.
std::unique_ptr<ImageSource> open_idx_source(const std::filesystem::path& file,
                                             const SourceOptions& options);

/// One of the above, or a single image. Throws InputError when `path` does not exist.
std::unique_ptr<ImageSource> open_source(const std::filesystem::path& path,
                                         const SourceOptions& options);

}  // namespace gm
