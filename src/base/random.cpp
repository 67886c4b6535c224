#include "base/random.h"

#include <cmath>
#include <numbers>

namespace gm {
namespace {

/// A bijective mix of 64 bits (the finaliser of SplitMix64), so that near seeds give unrelated
/// keys.
uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

/// Uniform on (0, 1]: never zero, so that its logarithm is finite.
float open_uniform(uint32_t bits) { return (static_cast<float>(bits >> 8) + 1.0F) * 0x1p-24F; }

/// Two independent standard normal values from two uniform words.
std::array<float, 2> normal_pair(uint32_t radius_bits, uint32_t angle_bits) {
  const float radius = std::sqrt(-2.0F * std::log(open_uniform(radius_bits)));
  const float angle = 2.0F * std::numbers::pi_v<float> * open_uniform(angle_bits);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(kMultiplier0) * counter[0];
    const uint64_t product1 = static_cast<uint64_t>(kMultiplier1) * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

KeyedRandom::KeyedRandom(uint64_t seed, Stream stream, uint64_t position, uint32_t draw)
    : counter_{0, draw, static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32)} {
  const uint64_t key = mix(mix(seed) + static_cast<uint64_t>(stream));
  key_ = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

std::array<uint32_t, 4> KeyedRandom::next_block() {
  const auto block = philox(counter_, key_);
  ++counter_[0];
  return block;
}

uint32_t KeyedRandom::next() {
  if (used_ == 4) {
    block_ = next_block();
    used_ = 0;
  }
  return block_[used_++];
}

float KeyedRandom::uniform() { return static_cast<float>(next() >> 8) * 0x1p-24F; }

uint32_t KeyedRandom::below(uint32_t n) {
  // Lemire, "Fast random integer generation in an interval", 2019: the high word of a product, with
  // the few values that would make it uneven drawn again.
  uint64_t product = static_cast<uint64_t>(next()) * n;
  if (static_cast<uint32_t>(product) < n) {
    const uint32_t uneven = -n % n;
    while (static_cast<uint32_t>(product) < uneven) product = static_cast<uint64_t>(next()) * n;
  }
  return static_cast<uint32_t>(product >> 32);
}

void KeyedRandom::fill_normal(std::span<float> values) {
  for (size_t i = 0; i < values.size(); i += 4) {
    const auto bits = next_block();
    const auto first = normal_pair(bits[0], bits[1]);
    const auto second = normal_pair(bits[2], bits[3]);
    const std::array<float, 4> normals{first[0], first[1], second[0], second[1]};
    for (size_t j = 0; j < 4 && i + j < values.size(); ++j) values[i + j] = normals[j];
  }
}

}  // namespace gm
