#include "report/embedded_image.h"

#include <openssl/evp.h>

#include <string_view>

#include "base/error.h"
#include "base/files.h"

namespace gm {
namespace {

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

std::string base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // with the zero at the end
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

}  // namespace

std::optional<std::string> png_data_url(const std::filesystem::path& path, uint64_t most_bytes) {
  try {
    const std::string bytes = read_file(path, most_bytes);
    if (!bytes.starts_with(kPngSignature)) return std::nullopt;
    return "data:image/png;base64," + base64(bytes);
  } catch (const InputError&) {
    return std::nullopt;
  }
}

}  // namespace gm
