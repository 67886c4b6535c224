#include "data/folder_entries.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/lower_case.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

/// In lower case. Created by Synology, QNAP, NetApp, macOS, Windows, Linux and Python.
constexpr std::array<std::string_view, 13> kSystemFolders{"@eadir",
                                                          "@tmp",
                                                          "#recycle",
                                                          "#snapshot",
                                                          "@recycle",
                                                          "~snapshot",
                                                          "__macosx",
                                                          "lost+found",
                                                          "$recycle.bin",
                                                          "@recently-snapshot",
                                                          "__pycache__",
                                                          "network trash folder",
                                                          "system volume information"};

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with("."); }

bool is_system_folder(const fs::path& path) {
  return std::ranges::find(kSystemFolders, in_lower_case(path.filename().string())) !=
         kSystemFolders.end();
}

}  // namespace

FolderEntries entries_of(const fs::path& folder) {
  FolderEntries entries;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    if (is_hidden(path)) continue;
    std::error_code unknown;  // the error is reported when the file is read
    if (!entry->is_directory(unknown))
      entries.files.push_back(path);
    else if (is_system_folder(path))
      entries.system_folders.push_back(path);
    else
      entries.folders.push_back(path);
  }
  if (error) throw InputError("{}: cannot be listed: {}", folder.string(), error.message());
  for (auto* paths : {&entries.folders, &entries.files, &entries.system_folders})
    std::ranges::sort(*paths);
  return entries;
}

bool is_hdf5_name(const fs::path& path) {
  const auto ending = extension_of(path);
  return (ending == ".h5" || ending == ".hdf5") && !is_hidden(path);
}

std::vector<fs::path> hdf5_files_in(const fs::path& folder) {
  std::vector<fs::path> paths = entries_of(folder).files;
  std::erase_if(paths, [](const fs::path& file) { return !is_hdf5_name(file); });
  if (paths.empty())
    throw InputError("{}: the folder holds no HDF5 files (*.h5, *.hdf5)", folder.string());
  return paths;
}

}  // namespace gm
