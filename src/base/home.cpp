#include "base/home.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace gm {
namespace {

/// The home folder as shells find it. Empty if there is none.
std::string home_folder() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_dir : "";
}

}  // namespace

std::optional<std::string> expand_home(std::string_view path) {
  if (!path.starts_with('~')) return std::string(path);
  const std::string home = home_folder();
  const std::string_view rest = path.substr(1);
  if (home.empty() || !(rest.empty() || rest.starts_with('/'))) return std::nullopt;
  return home + std::string(rest);
}

}  // namespace gm
