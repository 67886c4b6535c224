/// The picture files of a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gm {

struct PictureFile {
  std::filesystem::path path;
  int64_t label;
};

struct FolderListing {
  std::vector<std::string> classes;   ///< Sorted; empty when the folder has no sub-folders.
  std::vector<PictureFile> pictures;  ///< Sorted by class, then by path.
  int64_t ignored = 0;                ///< Files that do not end in .jpg, .jpeg or .png.
};

/// Lists as open_folder_source() says, without opening a file.
FolderListing list_folder(const std::filesystem::path& folder, const std::string& classes);

}  // namespace gm
