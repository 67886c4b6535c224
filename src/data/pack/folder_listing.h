/// The image files of a folder, or one image file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace gm {

struct ImagePath {
  std::filesystem::path path;
  int64_t label;
};

struct FolderListing {
  std::filesystem::path folder;      ///< The folder of all images.
  std::vector<std::string> classes;  ///< Sorted; empty if no sub-folder contains an image.
  std::vector<ImagePath> images;     ///< Sorted by class, then by path.
  /// Number of other files, by extension in lower case.
  std::map<std::string, int64_t> other_files = {};
  std::vector<std::string> other_folders = {};  ///< Folders left out, each with the reason.

  /// Messages for the user about what was left out; empty if nothing was.
  std::vector<std::string> remarks() const;
};

/// Lists a folder without the checks of list_folder(): it may have no images, images beside class
/// folders, or invalid class names. Throws InputError when a folder cannot be listed, links form a
/// cycle, or a class is unknown.
FolderListing survey_folder(const std::filesystem::path& folder,
                            const std::string& classes = "all");

/// Lists the images by the rules of open_folder_source(), without opening a file.
FolderListing list_folder(const std::filesystem::path& folder, const std::string& classes);

/// The same, but also accepts a single image, which has no classes.
FolderListing list_images(const std::filesystem::path& path, const std::string& classes);

/// Whether `path` is not a folder, and its extension or its first bytes are those of a JPEG or PNG
/// file. Opens only regular files.
bool is_image_file(const std::filesystem::path& path);

}  // namespace gm
