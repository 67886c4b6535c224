/// Counter-based random numbers: a value depends on its seed and position, never on earlier draws.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace gm {

/// What a random number is used for. Two streams of one seed are independent. The numbers are part
/// of a run's identity: never renumber them.
enum class Stream : uint32_t {
  kSampleOrder = 1,
  kAugmentation = 2,
  kTimestep = 3,
  kNoise = 4,
  kSampling = 5,
  kInitialWeights = 6,
  kMask = 7,
  kRegularization = 8,
  kEvaluationMask = 9,
  kFeatureSubset = 10,
  kFeatureNetwork = 11,
  kLabelDropout = 12,
  kEvaluationNoise = 13,
  kFeatureHalves = 14,
};

/// Philox4x32-10: ten rounds of a keyed bijection of a 128-bit counter.
/// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
/// Defined in the header so that compilers can vectorize loops over counters.
inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
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

/// The random numbers of (seed, stream, position, draw): the same in every run and on every rank.
/// `position` is usually a global sample position; `draw` distinguishes repeated uses of one
/// position, such as the steps of a sampling loop.
class CounterRng {
 public:
  CounterRng(uint64_t seed, Stream stream, uint64_t position, uint32_t draw = 0);

  /// Uniform on 0 .. 2^32 - 1.
  uint32_t next();
  /// Uniform on [0, 1), 24 bits.
  float uniform();
  /// Uniform on 0 .. n - 1 without bias. Expects n > 0.
  uint32_t below(uint32_t n);
  /// Standard normal values (Box and Muller, 1958; base/cpu/randn.h).
  void fill_normal(std::span<float> values);

 private:
  std::array<uint32_t, 4> next_block();

  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace gm
