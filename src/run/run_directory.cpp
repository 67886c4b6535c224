#include "run/run_directory.h"

#include <string>
#include <system_error>

#include "base/error.h"
#include "base/files.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

/// Removes the temporary files of a process that was killed while it wrote. Their names are never
/// reused.
void remove_half_written(const fs::path& folder) {
  std::error_code stays;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool half_written = name.starts_with('.') && name.ends_with(".partial");
    if (half_written && entry.is_regular_file()) fs::remove(entry.path(), stays);
  }
}

}  // namespace

fs::path RunDirectory::absolute() const {
  const fs::path path = fs::weakly_canonical(fs::absolute(root_));
  return path.has_filename() ? path : path.parent_path();  // "runs/cats/"
}

fs::path RunDirectory::samples(int64_t step, const std::string& extension) const {
  return samples_folder() / fmt::format("step-{:08d}{}", step, extension);
}

void RunDirectory::begin(const std::string& config_text) const {
  try {
    fs::create_directories(samples_folder());
    remove_half_written(root_);
    remove_half_written(samples_folder());
    write_file_atomically(config(), config_text);
  } catch (const fs::filesystem_error& error) {
    throw InputError("{}: the run directory cannot be written: {}; choose another with run.dir=...",
                     root_.string(), error.code().message());
  } catch (const Error& error) {
    throw InputError("the run directory cannot be written: {}; choose another with run.dir=...",
                     error.what());
  }
}

}  // namespace gm
