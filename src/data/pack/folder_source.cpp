#include "base/error.h"
#include "base/files.h"
#include "data/pack/source.h"

namespace gm {
namespace {

constexpr size_t kLargestFileBytes = size_t{1} << 30;

class FolderSource : public ImageSource {
 public:
  FolderSource(FolderListing listing, const DecodeOptions& options)
      : listing_(std::move(listing)), decode_(options) {}

  int64_t size() const override { return static_cast<int64_t>(listing_.images.size()); }
  const std::vector<std::string>& classes() const override { return listing_.classes; }
  int64_t channels() const override { return decode_.grey ? 1 : 3; }
  int64_t own_size() const override { return 0; }

  std::vector<std::string> remarks() const override { return listing_.remarks(); }

  SourceItem next() override {
    const ImagePath& file = listing_.images[next_++];
    const auto decode = [&file, options = decode_] {
      return decode_image(file.path.string(), read_file(file.path, kLargestFileBytes), options);
    };
    return {file.path.string(), file.label, decode};
  }

 private:
  FolderListing listing_;
  DecodeOptions decode_;
  size_t next_ = 0;
};

}  // namespace

std::unique_ptr<ImageSource> open_folder_source(FolderListing listing,
                                                const DecodeOptions& options) {
  return std::make_unique<FolderSource>(std::move(listing), options);
}

std::unique_ptr<ImageSource> open_source(const std::filesystem::path& path,
                                         const SourceOptions& options) {
  std::error_code reason;
  const auto status = std::filesystem::status(path, reason);
  if (!std::filesystem::exists(status))
    throw InputError("{}: no such file or folder", path.string());
  if (std::filesystem::is_directory(status) || is_image_file(path))
    return open_folder_source(list_images(path, options.classes), options.decode);
  return open_idx_source(path, options);
}

}  // namespace gm
