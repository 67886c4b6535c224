#include "base/counter_rng.h"

#include "base/cpu/randn.h"

namespace gm {
namespace {

/// A bijective mix of 64 bits (the finaliser of SplitMix64), so that near seeds give unrelated
/// keys.
uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

constinit FillNormal* fill_normal_kernel = nullptr;

CounterRng::CounterRng(uint64_t seed, Stream stream, uint64_t position, uint32_t draw)
    : counter_{0, draw, static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32)} {
  const uint64_t key = mix(mix(seed) + static_cast<uint64_t>(stream));
  key_ = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

std::array<uint32_t, 4> CounterRng::next_block() {
  const auto block = philox(counter_, key_);
  ++counter_[0];
  return block;
}

uint32_t CounterRng::next() {
  if (used_ == 4) {
    block_ = next_block();
    used_ = 0;
  }
  return block_[used_++];
}

float CounterRng::uniform() { return static_cast<float>(next() >> 8) * 0x1p-24F; }

uint32_t CounterRng::below(uint32_t n) {
  // Lemire, "Fast random integer generation in an interval", 2019: the result is the high word of a
  // product. The few values that would bias it are drawn again.
  uint64_t product = static_cast<uint64_t>(next()) * n;
  if (static_cast<uint32_t>(product) < n) {
    const uint32_t uneven = -n % n;
    while (static_cast<uint32_t>(product) < uneven) product = static_cast<uint64_t>(next()) * n;
  }
  return static_cast<uint32_t>(product >> 32);
}

void CounterRng::fill_normal(std::span<float> values) {
  fill_normal_kernel(counter_, key_, values.data(), static_cast<int64_t>(values.size()));
  counter_[0] += static_cast<uint32_t>((values.size() + 3) / 4);
}

}  // namespace gm
