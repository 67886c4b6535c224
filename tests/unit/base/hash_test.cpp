// Hashes against the test vectors of xxHash.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

/// The bytes that xxHash's own sanity check hashes (cli/xsum_sanity_check.c, fillTestBuffer).
std::string sanity_bytes(size_t length) {
  uint64_t generator = 2654435761U;
  std::string bytes(length, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(generator >> 56);
    generator *= 11400714785074694797ULL;
  }
  return bytes;
}

std::string hash_of(std::string_view bytes) { return Hash().add(bytes).hex(); }

// cli/xsum_sanity_check.c of xxHash 0.8, XXH128 with seed 0, high word first.
TEST(Hash, MatchesTheTestVectorsOfXxh3) {
  EXPECT_EQ(hash_of(sanity_bytes(0)), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash_of(sanity_bytes(1)), "a6cd5e9392000f6ac44bdff4074eecdb");
  EXPECT_EQ(hash_of(sanity_bytes(6)), "082afe0b8162d12a3e7039bdda43cfc6");
  EXPECT_EQ(hash_of(sanity_bytes(12)), "6e3efd8fc7802b18061a192713f69ad9");
}

TEST(Hash, DoesNotDependOnHowTheBytesAreSplit) {
  const std::string bytes = sanity_bytes(5000);
  Hash pieces;
  pieces.add(bytes.substr(0, 1)).add(bytes.substr(1, 1000)).add(bytes.substr(1001));
  EXPECT_EQ(pieces.hex(), hash_of(bytes));
}

TEST(Hash, ContinuesAfterHexWasCalled) {
  Hash hash;
  hash.add("one");
  EXPECT_EQ(hash.hex(), hash_of("one"));
  hash.add("two");
  EXPECT_EQ(hash.hex(), hash_of("onetwo"));
}

TEST(HashFile, IsTheHashOfTheBytes) {
  const TemporaryFolder folder;
  const std::string bytes = sanity_bytes(3'000'000);  // more than one block
  std::ofstream(folder / "file", std::ios::binary) << bytes;
  EXPECT_EQ(hash_file(folder / "file"), hash_of(bytes));
}

TEST(HashFile, RefusesAMissingFile) {
  const TemporaryFolder folder;
  EXPECT_THROW(hash_file(folder / "missing"), InputError);
}

}  // namespace
}  // namespace gm
