/// The folder for what gm can make or fetch again: packed images, weights of feature extractors,
/// statistics of datasets.
#pragma once

#include <filesystem>
#include <string>

namespace gm {

/// `configured` (data.cache), else $XDG_CACHE_HOME/gm, else ~/.cache/gm. Throws InputError if
/// neither variable is set.
std::filesystem::path cache_folder(const std::string& configured);

/// Creates the folder. Throws InputError if it cannot be created.
void create_cache_folder(const std::filesystem::path& folder);

}  // namespace gm
