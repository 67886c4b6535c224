/// What a person sees in a folder: neither hidden entries nor what operating systems put there.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace gm {

struct FolderEntries {
  std::vector<std::filesystem::path> folders;  ///< Sorted.
  std::vector<std::filesystem::path> files;    ///< Sorted; whatever is no folder.
  /// Folders of thumbnails, deleted files and the like, such as `@eaDir`, `__MACOSX`, `lost+found`.
  std::vector<std::filesystem::path> system_folders;
};

/// What lies directly in `folder`. Links are followed: one to nowhere, or to itself, is a file, and
/// so is a pipe. Throws InputError with the system's reason when the folder cannot be listed.
FolderEntries entries_of(const std::filesystem::path& folder);

/// The ending of a name in lower case, such as `.png`; empty when it has none.
std::string ending_of(const std::filesystem::path& path);

}  // namespace gm
