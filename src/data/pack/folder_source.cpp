#include "base/error.h"
#include "base/files.h"
#include "data/pack/folder_listing.h"
#include "data/pack/source.h"

namespace gm {
namespace {

constexpr size_t kLargestFileBytes = size_t{1} << 30;

class FolderSource : public PictureSource {
 public:
  FolderSource(const std::filesystem::path& folder, const SourceOptions& options)
      : listing_(list_folder(folder, options.classes)), decode_(options.decode) {}

  int64_t size() const override { return static_cast<int64_t>(listing_.pictures.size()); }
  const std::vector<std::string>& classes() const override { return listing_.classes; }
  int64_t channels() const override { return decode_.grey ? 1 : 3; }
  int64_t own_size() const override { return 0; }

  std::string remark() const override {
    if (listing_.ignored == 0) return "";
    return fmt::format("files left out, as they do not end in .jpg, .jpeg or .png: {}",
                       listing_.ignored);
  }

  SourceItem next() override {
    const PictureFile& file = listing_.pictures[next_++];
    const auto decode = [&file, options = decode_] {
      return decode_picture(file.path.string(), read_file(file.path, kLargestFileBytes), options);
    };
    return {file.path.string(), file.label, decode};
  }

 private:
  FolderListing listing_;
  DecodeOptions decode_;
  size_t next_ = 0;
};

}  // namespace

std::unique_ptr<PictureSource> open_folder_source(const std::filesystem::path& folder,
                                                  const SourceOptions& options) {
  return std::make_unique<FolderSource>(folder, options);
}

std::unique_ptr<PictureSource> open_source(const std::filesystem::path& path,
                                           const SourceOptions& options) {
  if (!std::filesystem::exists(path)) throw InputError("{}: no such file or folder", path.string());
  if (std::filesystem::is_directory(path)) return open_folder_source(path, options);
  return open_idx_source(path, options);
}

}  // namespace gm
