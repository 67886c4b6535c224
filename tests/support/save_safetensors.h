/// Writes safetensors files for tests.
#pragma once

#include "checkpoint/file_system.h"
#include "checkpoint/safetensors.h"

namespace gm {

inline void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                             const std::map<std::string, std::string>& metadata = {}) {
  const auto file = Disk().create_file(path);
  write_safetensors([&](auto bytes) { file->write(bytes); }, tensors, metadata);
  file->close();
}

}  // namespace gm
