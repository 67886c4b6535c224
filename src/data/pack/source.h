/// Where pictures come from when they are packed: a folder of files, or an IDX file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/pack/decode.h"
#include "data/pack/picture.h"

namespace gm {

/// A picture that is still to be read or decoded.
struct SourceItem {
  std::string name;   ///< For messages.
  int64_t label = 0;  ///< An index of PictureSource::classes(); 0 when there are none.
  std::function<Picture()>
      decode;  ///< Runs on any thread. Throws InputError that begins with name.
};

class PictureSource {
 public:
  virtual ~PictureSource() = default;

  virtual int64_t size() const = 0;
  virtual const std::vector<std::string>& classes() const = 0;
  virtual int64_t channels() const = 0;
  /// Height and width when the source has one for all pictures, otherwise 0.
  virtual int64_t own_size() const = 0;
  /// A line for the user about what was left out; empty when nothing was.
  virtual std::string remark() const { return ""; }
  /// The next picture, in the same order each time; at most size() calls, one thread at a time.
  virtual SourceItem next() = 0;
};

struct SourceOptions {
  std::string classes = "all";  ///< Classes to keep, separated by commas.
  DecodeOptions decode = {};
};

/// JPEG and PNG files (by their endings) of a folder, sorted by path. Each sub-folder is a class,
/// with what lies anywhere below it; without sub-folders there are no classes. Throws InputError
/// when there are no pictures, pictures lie beside the class folders, or links lead in a circle.
std::unique_ptr<PictureSource> open_folder_source(const std::filesystem::path& folder,
                                                  const SourceOptions& options);

/// A file in the IDX format of the MNIST data set, plain or gzip, [N,H,W] bytes; its labels are
/// looked for under the same name with `images-idx3` replaced by `labels-idx1`. Classes are named
/// by their numbers.
std::unique_ptr<PictureSource> open_idx_source(const std::filesystem::path& file,
                                               const SourceOptions& options);

/// One of the above. Throws InputError when `path` does not exist.
std::unique_ptr<PictureSource> open_source(const std::filesystem::path& path,
                                           const SourceOptions& options);

}  // namespace gm
