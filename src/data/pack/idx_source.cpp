#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <span>

#include "base/error.h"
#include "base/lower_case.h"
#include "data/class_names.h"
#include "data/folder_entries.h"
#include "data/pack/source.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

/// A file in IDX format, read sequentially. zlib reads uncompressed files as well.
class IdxReader {
 public:
  IdxReader(const fs::path& path, size_t dimensions)
      : name_(path.string()), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) throw InputError("{}: cannot be opened for reading", name_);
    gzbuffer(file_.get(), 1 << 18);
    read_header(dimensions);
    check_size(path);
  }

  const std::vector<int64_t>& extent() const { return extent_; }

  void read(std::span<uint8_t> bytes) {
    const int got = gzread(file_.get(), bytes.data(), static_cast<unsigned>(bytes.size()));
    if (got == static_cast<int>(bytes.size())) return;
    int code = 0;
    const std::string reason = gzerror(file_.get(), &code);
    throw InputError("{}: ends too early{}; copy it again", name_,
                     code == Z_OK || code == Z_BUF_ERROR ? "" : fmt::format(" ({})", reason));
  }

  void require_end() {
    std::array<uint8_t, 1> byte;
    if (gzread(file_.get(), byte.data(), 1) > 0)
      throw InputError("{}: holds more than its header declares", name_);
  }

 private:
  void read_header(size_t dimensions) {
    constexpr uint8_t kUnsignedByte = 0x08;
    constexpr int64_t kLargestCount = 1 << 30, kLargestSide = 8192;
    std::array<uint8_t, 4> word;
    read(word);
    if (word[0] != 0 || word[1] != 0 || word[2] != kUnsignedByte || word[3] != dimensions) {
      throw InputError(
          "{}: is not an IDX file of {}-dimensional bytes (it begins with {:02x} {:02x} "
          "{:02x} {:02x}); a folder of images, a JPEG or PNG file, or an IDX file is expected",
          name_, dimensions, word[0], word[1], word[2], word[3]);
    }
    for (size_t d = 0; d < dimensions; ++d) {
      read(word);
      extent_.push_back(int64_t{word[0]} << 24 | word[1] << 16 | word[2] << 8 | word[3]);
      if (extent_[d] < 1 || extent_[d] > (d == 0 ? kLargestCount : kLargestSide))
        throw InputError("{}: declares {} along dimension {}", name_, extent_[d], d);
    }
  }

  /// Checks the declared size before memory is allocated for it.
  void check_size(const fs::path& path) const {
    constexpr uintmax_t kMaxPerPackedByte = 1032;  // of deflate (zlib's page "Technical Details")
    uintmax_t declared = 1;
    for (const int64_t n : extent_) declared *= static_cast<uintmax_t>(n);
    std::error_code unknown;  // then file_size() returns the largest value
    const uintmax_t held = fs::file_size(path, unknown);
    if (declared / (gzdirect(file_.get()) != 0 ? 1 : kMaxPerPackedByte) > held) {
      throw InputError(
          "{}: ends too early: its {} bytes cannot hold the {} that it declares; copy it again",
          name_, held, declared);
    }
  }

  struct Close {
    void operator()(gzFile_s* file) const { gzclose_r(file); }
  };
  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::vector<int64_t> extent_;
};

void replace_last(std::string& text, std::string_view old, std::string_view replacement) {
  const size_t at = text.rfind(old);
  if (at != std::string::npos) text.replace(at, old.size(), replacement);
}

std::string labels_name(std::string images_name) {
  replace_last(images_name, "images", "labels");
  replace_last(images_name, "idx3", "idx1");
  return images_name;
}

/// Normalizes a file name: only letters and digits, in lower case, without .gz.
std::string bare_name(const fs::path& path) {
  const bool is_packed = extension_of(path) == ".gz";
  std::string bare;
  for (const unsigned char c : (is_packed ? path.stem() : path.filename()).string()) {
    if (std::isalnum(c) != 0) bare.push_back(static_cast<char>(std::tolower(c)));
  }
  return bare;
}

/// The label file in the folder of `images`; empty if there is none.
fs::path find_labels(const fs::path& images) {
  const std::string bare = bare_name(images);
  if (bare.find("images") == std::string::npos) return {};
  const fs::path folder = images.has_parent_path() ? images.parent_path() : ".";
  const fs::path alike = folder / labels_name(images.filename().string());
  std::error_code nothing_there;
  if (alike.filename() != images.filename() && fs::is_regular_file(alike, nothing_there))
    return alike;
  for (const auto& file : entries_of(folder).files) {
    if (bare_name(file) == labels_name(bare) && fs::is_regular_file(file, nothing_there))
      return file;
  }
  return {};
}

class IdxSource : public ImageSource {
 public:
  IdxSource(const fs::path& path, const std::string& classes)
      : path_(path), images_(path, 3), kept_(images_.extent()[0]) {
    if (const auto labels = find_labels(path); !labels.empty()) read_labels(labels);
    if (!means_all_classes(classes)) keep_classes(classes);
  }

  int64_t size() const override { return kept_; }
  const std::vector<std::string>& classes() const override { return classes_; }
  int64_t channels() const override { return 1; }
  int64_t own_size() const override {
    return images_.extent()[1] == images_.extent()[2] ? images_.extent()[1] : 0;
  }

  std::vector<std::string> remarks() const override {
    if (!labels_.empty()) return {};
    return {
        "there is no label file in its folder (the same name with labels instead of images and "
        "idx1 instead of idx3), so its images have no classes"};
  }

  SourceItem next() override {
    DecodedImage image{{images_.extent()[1], images_.extent()[2], 1}, {}};
    image.pixels.resize(static_cast<size_t>(image.shape.bytes()));
    int64_t label = 0;
    do {
      images_.read(image.pixels);
      label = labels_.empty() ? 0 : new_label_[labels_[static_cast<size_t>(read_)]];
      ++read_;
      if (read_ == images_.extent()[0]) images_.require_end();
    } while (label < 0);
    return {fmt::format("{}: image {}", path_.string(), read_ - 1), label,
            [image = std::move(image)] { return image; }};
  }

 private:
  void read_labels(const fs::path& path) {
    IdxReader reader(path, 1);
    if (reader.extent()[0] != images_.extent()[0]) {
      throw InputError("{}: holds {} labels for the {} images of {}", path.string(),
                       reader.extent()[0], images_.extent()[0], path_.string());
    }
    labels_.resize(static_cast<size_t>(reader.extent()[0]));
    reader.read(labels_);
    const int classes = 1 + *std::max_element(labels_.begin(), labels_.end());
    for (int c = 0; c < classes; ++c) {
      classes_.push_back(std::to_string(c));
      new_label_[static_cast<size_t>(c)] = c;
    }
  }

  void keep_classes(const std::string& names) {
    if (labels_.empty()) {
      throw InputError(
          "{}: classes {} were requested, but there is no label file in its folder (the same name "
          "with labels instead of images and idx1 instead of idx3)",
          path_.string(), names);
    }
    const auto indices = find_classes(names, classes_, path_.string());
    const std::set<int64_t> wanted(indices.begin(), indices.end());
    new_label_.fill(-1);
    std::vector<std::string> kept_classes;
    for (const int64_t c : wanted) {
      new_label_[static_cast<size_t>(c)] = static_cast<int>(kept_classes.size());
      kept_classes.push_back(classes_[static_cast<size_t>(c)]);
    }
    classes_ = std::move(kept_classes);
    kept_ = std::count_if(labels_.begin(), labels_.end(),
                          [this](uint8_t label) { return new_label_[label] >= 0; });
    if (kept_ == 0) throw InputError("{}: no image is in the classes {}", path_.string(), names);
  }

  fs::path path_;
  IdxReader images_;
  std::vector<uint8_t> labels_;
  std::vector<std::string> classes_;
  std::array<int, 256> new_label_{};  // by label in the file; -1: left out
  int64_t kept_;
  int64_t read_ = 0;
};

}  // namespace

std::unique_ptr<ImageSource> open_idx_source(const fs::path& file, const SourceOptions& options) {
  return std::make_unique<IdxSource>(file, options.classes);
}

}  // namespace gm
