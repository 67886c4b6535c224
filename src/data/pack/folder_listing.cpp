#include "data/pack/folder_listing.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <numeric>
#include <string_view>

#include "base/error.h"
#include "base/lower_case.h"
#include "data/class_names.h"
#include "data/folder_entries.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 5> kEndings{".jpg", ".jpeg", ".jpe", ".jfif", ".png"};
constexpr size_t kMaxNamed = 8;  // items shown of those left out

bool is_folder(const fs::path& path) {
  std::error_code nothing_there;
  return fs::is_directory(path, nothing_there);
}

/// Whether `folder` is a run directory of gm_train (run/run_directory.h).
bool is_run(const fs::path& folder) {
  std::error_code nothing_there;
  return fs::is_regular_file(folder / "config.toml", nothing_there) &&
         (is_folder(folder / "samples") || is_folder(folder / "checkpoints"));
}

/// Whether the name has the extension of a JPEG or PNG file.
bool is_image_name(const fs::path& path) {
  return std::ranges::find(kEndings, extension_of(path)) != kEndings.end();
}

class Lister {
 public:
  explicit Lister(const fs::path& folder) { listing_.folder = folder; }

  FolderListing list(const std::string& classes) {
    above_.push_back(real_path(listing_.folder));
    const FolderEntries top = images_and_folders_of(listing_.folder, /*label=*/0);
    for (const auto& folder : chosen_folders(top.folders, classes)) add_class(folder);
    return std::move(listing_);
  }

 private:
  static fs::path real_path(const fs::path& folder) {
    std::error_code reason;
    fs::path real = fs::canonical(folder, reason);
    if (reason) throw InputError("{}: cannot be opened: {}", folder.string(), reason.message());
    return real;
  }

  std::vector<fs::path> chosen_folders(const std::vector<fs::path>& folders,
                                       const std::string& classes) const {
    if (means_all_classes(classes)) return folders;
    std::vector<std::string> names;
    for (const auto& path : folders) names.push_back(path.filename().string());
    auto indices = find_classes(classes, names, listing_.folder.string());
    std::sort(indices.begin(), indices.end());
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
    std::vector<fs::path> chosen;
    for (const int64_t i : indices) chosen.push_back(folders[static_cast<size_t>(i)]);
    return chosen;
  }

  void add_class(const fs::path& folder) {
    const size_t before = listing_.images.size();
    add_tree(folder, std::ssize(listing_.classes));
    if (listing_.images.size() == before)
      leave_out(folder, "no images");
    else
      listing_.classes.push_back(folder.filename().string());
  }

  /// Adds everything below `folder`.
  void add_tree(const fs::path& folder, int64_t label) {
    const auto real = real_path(folder);
    if (std::ranges::find(above_, real) != above_.end()) {
      throw InputError("{}: is a link that leads back to {}; remove it", folder.string(),
                       real.string());
    }
    above_.push_back(real);
    for (const auto& path : images_and_folders_of(folder, label).folders) add_tree(path, label);
    above_.pop_back();
  }

  /// Adds the images directly in `folder`; returns its entries, without run directories.
  FolderEntries images_and_folders_of(const fs::path& folder, int64_t label) {
    FolderEntries entries = entries_of(folder);
    for (const auto& path : entries.system_folders) leave_out(path, "made by the system");
    const bool holds_run = is_run(folder);
    std::erase_if(entries.folders, [&](const fs::path& path) {
      const bool of_run =
          is_run(path) || (holds_run && (path.filename() == "samples" ||  // by run.dir=.
                                         path.filename() == "checkpoints"));
      if (of_run) leave_out(path, "a run of gm");
      return of_run;
    });
    for (const auto& path : entries.files) {
      if (is_image_name(path))
        listing_.images.push_back({path, label});
      else
        ++listing_.other_files[extension_of(path)];
    }
    return entries;
  }

  void leave_out(const fs::path& folder, std::string_view reason) {
    listing_.other_folders.push_back(
        fmt::format("{} ({})", folder.lexically_relative(listing_.folder).string(), reason));
  }

  FolderListing listing_;
  std::vector<fs::path> above_;  // real paths of the current folder and its parents
};

FolderListing list_one_image(const fs::path& file, const std::string& classes) {
  if (!means_all_classes(classes)) {
    throw InputError("{}: classes {} were requested, but a single image has no classes",
                     file.string(), classes);
  }
  return {.folder = file.parent_path(), .classes = {}, .images = {{file, 0}}};
}

/// The most frequent extensions with their counts.
std::string describe_endings(const std::map<std::string, int64_t>& files) {
  std::vector<std::pair<std::string, int64_t>> endings(files.begin(), files.end());
  std::ranges::stable_sort(endings,
                           [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> shown;
  for (const auto& [ending, count] : endings) {
    if (shown.size() == kMaxNamed) return fmt::format("{}, ...", fmt::join(shown, ", "));
    shown.push_back(fmt::format("{} {}", count, ending.empty() ? "without an ending" : ending));
  }
  return fmt::format("{}", fmt::join(shown, ", "));
}

/// Whether the content begins like a JPEG or PNG file.
bool begins_like_image(const fs::path& file) {
  std::array<char, 4> first{};
  std::ifstream(file, std::ios::binary).read(first.data(), first.size());
  const std::string_view bytes(first.data(), first.size());
  return bytes.starts_with("\xff\xd8\xff") || bytes == "\x89PNG";
}

/// What to do with a folder of IDX files, whose names contain idx3 (the images) and idx1; empty if
/// it is none.
std::string hint_for_idx(const fs::path& folder) {
  for (const fs::path& file : entries_of(folder).files) {
    if (file.filename().string().find("idx3") == std::string::npos) continue;
    return fmt::format("; an IDX file is packed by its own name: {}", file.string());
  }
  return "";
}

}  // namespace

std::vector<std::string> FolderListing::remarks() const {
  std::vector<std::string> remarks;
  if (!other_files.empty()) {
    const int64_t count =
        std::accumulate(other_files.begin(), other_files.end(), int64_t{0},
                        [](int64_t sum, const auto& ending) { return sum + ending.second; });
    remarks.push_back(fmt::format("{} files left out, as they do not end in {}: {}", count,
                                  fmt::join(kEndings, ", "), describe_endings(other_files)));
  }
  if (!other_folders.empty()) {
    const size_t named = std::min(other_folders.size(), kMaxNamed);
    remarks.push_back(
        fmt::format("{} folders left out: {}{}", other_folders.size(),
                    fmt::join(other_folders.begin(),
                              other_folders.begin() + static_cast<ptrdiff_t>(named), ", "),
                    named < other_folders.size() ? ", ..." : ""));
  }
  return remarks;
}

FolderListing survey_folder(const fs::path& folder, const std::string& classes) {
  return Lister(folder).list(classes);
}

FolderListing list_folder(const fs::path& folder, const std::string& classes) {
  FolderListing listing = survey_folder(folder, classes);
  if (listing.images.empty()) {
    const auto remarks = listing.remarks();
    throw InputError("{}: holds no images that end in {}{}{}{}", folder.string(),
                     fmt::join(kEndings, ", "), remarks.empty() ? "" : "; ",
                     fmt::join(remarks, "; "), hint_for_idx(folder));
  }
  const fs::path first = listing.images.front().path.lexically_relative(folder);
  if (!listing.classes.empty() && !first.has_parent_path()) {
    throw InputError(
        "{}: holds images ({}) beside sub-folders of images ({}); put each image into the "
        "sub-folder of its class",
        folder.string(), first.string(), listing.classes.front());
  }
  check_class_names(listing.classes, folder.string());
  return listing;
}

FolderListing list_images(const fs::path& path, const std::string& classes) {
  return is_folder(path) ? list_folder(path, classes) : list_one_image(path, classes);
}

bool is_image_file(const fs::path& path) {
  if (is_folder(path)) return false;
  if (is_image_name(path)) return true;
  std::error_code nothing_there;
  return fs::is_regular_file(path, nothing_there) && begins_like_image(path);
}

}  // namespace gm
