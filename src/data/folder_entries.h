/// The entries of a folder, without hidden entries and folders that operating systems create.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

namespace gm {

struct FolderEntries {
  std::vector<std::filesystem::path> folders;  ///< Sorted.
  std::vector<std::filesystem::path> files;    ///< Sorted; everything that is not a folder.
  /// Folders of thumbnails, deleted files and the like, such as `@eaDir`, `__MACOSX`, `lost+found`.
  std::vector<std::filesystem::path> system_folders;
};

/// The direct entries of `folder`. Links are followed; a broken link, a link to itself and a pipe
/// count as files. Throws InputError with the reason of the system when the folder cannot be
/// listed.
FolderEntries entries_of(const std::filesystem::path& folder);

/// Whether a folder's entry counts as an image file: `*.h5` or `*.hdf5`, not hidden.
bool is_hdf5_name(const std::filesystem::path& path);

/// The HDF5 files of a folder, in the order of their names. Throws InputError when there are none.
std::vector<std::filesystem::path> hdf5_files_in(const std::filesystem::path& folder);

}  // namespace gm
