#include "base/cache_folder.h"

#include <cstdlib>

#include "base/error.h"

namespace gm {
namespace fs = std::filesystem;

fs::path cache_folder(const std::string& configured) {
  if (!configured.empty()) return configured;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    return fs::path(cache) / "gm";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return fs::path(home) / ".cache" / "gm";
  throw InputError("data.cache: set it, as neither XDG_CACHE_HOME nor HOME is set");
}

void create_cache_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw InputError("data.cache: {} cannot be created: {}", folder.string(), error.message());
}

}  // namespace gm
