/// Images inside the report, so that it is one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace gm {

/// A PNG file as a `data:` URL. Nothing if it cannot be read, is not a PNG file, or has more than
/// `most_bytes`.
std::optional<std::string> png_data_url(const std::filesystem::path& path, uint64_t most_bytes);

}  // namespace gm
