#include "data/pack/folder_listing.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "data/class_names.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with("."); }

bool is_picture_name(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

struct Entries {
  std::vector<fs::path> folders, pictures;
  int64_t ignored = 0;
};

/// What lies directly in `folder`, sorted. Links are followed.
Entries entries_of(const fs::path& folder) {
  Entries entries;
  std::error_code error;
  auto entry = fs::directory_iterator(folder, error);
  if (error) throw InputError("{}: cannot be listed: {}", folder.string(), error.message());
  for (; entry != fs::directory_iterator(); entry.increment(error)) {
    const auto& path = entry->path();
    if (is_hidden(path)) continue;
    std::error_code ignored;  // a link to nowhere is left for reading to complain about
    if (fs::is_directory(path, ignored))
      entries.folders.push_back(path);
    else if (is_picture_name(path))
      entries.pictures.push_back(path);
    else
      ++entries.ignored;
  }
  std::sort(entries.folders.begin(), entries.folders.end());
  std::sort(entries.pictures.begin(), entries.pictures.end());
  return entries;
}

/// Adds everything below `folder`. `above` are the real paths of the folders that led here.
void add_tree(const fs::path& folder, int64_t label, std::vector<fs::path>& above,
              FolderListing& listing) {
  const auto real = fs::canonical(folder);
  if (std::find(above.begin(), above.end(), real) != above.end()) {
    throw InputError("{}: is a link that leads back to {}; remove it", folder.string(),
                     real.string());
  }
  above.push_back(real);
  const Entries entries = entries_of(folder);
  for (const auto& path : entries.pictures) listing.pictures.push_back({path, label});
  listing.ignored += entries.ignored;
  for (const auto& path : entries.folders) add_tree(path, label, above, listing);
  above.pop_back();
}

std::vector<fs::path> chosen_folders(const fs::path& folder, std::vector<fs::path> folders,
                                     const std::string& classes) {
  if (means_all_classes(classes)) return folders;
  std::vector<std::string> names;
  for (const auto& path : folders) names.push_back(path.filename().string());
  auto indices = find_classes(classes, names, folder.string());
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  std::vector<fs::path> chosen;
  for (const int64_t i : indices) chosen.push_back(folders[static_cast<size_t>(i)]);
  return chosen;
}

}  // namespace

FolderListing list_folder(const fs::path& folder, const std::string& classes) {
  const Entries top = entries_of(folder);
  FolderListing listing;
  listing.ignored = top.ignored;
  if (!top.folders.empty() && !top.pictures.empty()) {
    throw InputError(
        "{}: holds pictures ({}) beside sub-folders ({}); put each picture into the "
        "sub-folder of its class",
        folder.string(), top.pictures.front().filename().string(),
        top.folders.front().filename().string());
  }
  for (const auto& path : top.pictures) listing.pictures.push_back({path, 0});
  std::vector<fs::path> above{fs::canonical(folder)};
  for (const auto& path : chosen_folders(folder, top.folders, classes)) {
    add_tree(path, static_cast<int64_t>(listing.classes.size()), above, listing);
    listing.classes.push_back(path.filename().string());
  }
  if (listing.pictures.empty())
    throw InputError("{}: holds no pictures (*.jpg, *.jpeg, *.png)", folder.string());
  return listing;
}

}  // namespace gm
