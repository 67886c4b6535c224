/// Content hashes (XXH3, 128 bits): fast, to distinguish files and states; not for security.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace gm {

/// A hash of everything that was added, in order.
class Hash {
 public:
  Hash();
  ~Hash();
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  Hash& add(std::span<const std::byte> bytes);
  Hash& add(std::string_view text);
  /// 32 lower-case hexadecimal digits. Can be called at any time; more can be added afterwards.
  std::string hex() const;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

/// A short hash (XXH3, 64 bits), to distinguish many small items.
uint64_t hash64(std::span<const std::byte> bytes);

/// Hash of a file's bytes, read in blocks. Throws InputError when it cannot be read.
std::string hash_file(const std::filesystem::path& path);

}  // namespace gm
