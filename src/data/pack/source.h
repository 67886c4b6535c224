/// Where images come from when they are packed: a folder of files, or an IDX file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/pack/decode.h"
#include "data/pack/decoded_image.h"
#include "data/pack/folder_listing.h"

namespace gm {

/// An image that is still to be read or decoded.
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
  /// Height and width when the source has one for all images, otherwise 0.
  virtual int64_t own_size() const = 0;
  /// Sentences for the user on what was left out or not found; none when nothing was.
  virtual std::vector<std::string> remarks() const { return {}; }
  /// The next image, in the same order each time; at most size() calls, one thread at a time.
  virtual SourceItem next() = 0;
};

struct SourceOptions {
  std::string classes = "all";  ///< Classes to keep, separated by commas.
  DecodeOptions decode = {};
};

/// JPEG and PNG files (by their endings) of a folder, sorted by path. Each sub-folder that holds an
/// image is a class, with what lies anywhere below it; without one there are no classes. Left out
/// are hidden entries, folders that operating systems make (folder_entries.h), and what gm_train
/// writes. Throws InputError when there are no images, images lie beside the class folders, a class
/// may not be called so (class_names.h), a folder cannot be listed, or links lead in a circle.
std::unique_ptr<ImageSource> open_folder_source(FolderListing listing,
                                                const DecodeOptions& options);

/// A file in the IDX format of the MNIST dataset, plain or gzip, [N,H,W] bytes; its labels are
/// looked for beside it under the same name with `images` replaced by `labels`, and `idx3` by
/// `idx1`, however the name is spelled and packed. Classes are named by their numbers.
std::unique_ptr<ImageSource> open_idx_source(const std::filesystem::path& file,
                                             const SourceOptions& options);

/// One of the above, or a single image. Throws InputError when `path` does not exist.
std::unique_ptr<ImageSource> open_source(const std::filesystem::path& path,
                                         const SourceOptions& options);

}  // namespace gm
