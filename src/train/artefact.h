/// Something that a run makes of itself during training, such as a grid of samples.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace gm {

struct Artefact {
  std::string extension;  ///< Of its file: ".png".
  /// Writes the file. Throws Error when it cannot be written.
  std::function<void(const std::filesystem::path& path)> write;
};

}  // namespace gm
