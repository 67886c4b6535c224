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
  std::filesystem::path folder;      ///< That holds all of it.
  std::vector<std::string> classes;  ///< Sorted; empty when no sub-folder holds an image.
  std::vector<ImagePath> images;     ///< Sorted by class, then by path.
  /// Files that do not end like images, by their endings in lower case.
  std::map<std::string, int64_t> other_files = {};
  std::vector<std::string> other_folders = {};  ///< Those left out, each with the reason.

  /// Sentences for the user on what was left out; none when nothing was.
  std::vector<std::string> remarks() const;
};

/// What there is, be it nothing, images beside classes, or classes that may not be called so.
/// Throws InputError when a folder cannot be listed, links lead in a circle, or a class is unknown.
FolderListing survey_folder(const std::filesystem::path& folder,
                            const std::string& classes = "all");

/// Lists as open_folder_source() says, without opening a file.
FolderListing list_folder(const std::filesystem::path& folder, const std::string& classes);

/// The same for a folder, and for one image, which has no classes.
FolderListing list_images(const std::filesystem::path& path, const std::string& classes);

/// Whether it is no folder, and its name ends, or its content begins, like that of a JPEG or PNG
/// file. Nothing but a regular file is opened.
bool is_image_file(const std::filesystem::path& path);

}  // namespace gm
