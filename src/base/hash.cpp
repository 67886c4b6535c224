#include "base/hash.h"

#include <xxhash.h>

#include <fstream>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace gm {

void Hash::Free::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }

Hash::Hash() : state_(XXH3_createState()) { XXH3_128bits_reset(state_.get()); }
Hash::~Hash() = default;

Hash& Hash::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
  return *this;
}

Hash& Hash::add(std::string_view text) { return add(std::as_bytes(std::span(text))); }

std::string Hash::hex() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(state_.get());
  return fmt::format("{:016x}{:016x}", digest.high64, digest.low64);
}

uint64_t hash64(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string hash_file(const std::filesystem::path& path) {
  require_regular_file(path);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError("{}: cannot be opened for reading", path.string());
  Hash hash;
  std::vector<char> block(1 << 20);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    hash.add(std::string_view(block.data(), static_cast<size_t>(file.gcount())));
  }
  if (file.bad()) throw InputError("{}: reading failed", path.string());
  return hash.hex();
}

}  // namespace gm
