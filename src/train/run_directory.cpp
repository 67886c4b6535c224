#include "train/run_directory.h"

#include <system_error>

#include "base/error.h"
#include "base/files.h"

namespace gm {
namespace fs = std::filesystem;

fs::path RunDirectory::samples(int64_t step) const {
  return samples_folder() / fmt::format("step-{:08d}.png", step);
}

void RunDirectory::begin(const std::string& config_text) const {
  try {
    fs::create_directories(samples_folder());
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
