#include "base/cpu/randn.h"

#include <algorithm>
#include <numbers>

#include "base/counter_rng.h"
#include "base/cpu/simd.h"

namespace gm::GM_KERNEL_SET {

namespace {

/// Philox blocks that are computed together: enough for the compiler to vectorize.
constexpr int64_t kBlocks = 32;

/// ln(m / 2^24) for integers m from 1 to 2^24.
///
/// m = 2^e f with f between sqrt(1/2) and sqrt(2). ln f = 2 artanh(s) with s = (f - 1) / (f + 1) is
/// computed by its series. The first omitted term is below 3e-9 of the result.
GM_INLINE Lanes log_of_share(const IntLanes& m) {
  constexpr int32_t kRootOfHalf = 0x3f3504f3;  // the bits of sqrt(1/2)
  constexpr float kLn2 = std::numbers::ln2_v<float>;
  const Lanes x = __builtin_convertvector(m, Lanes);
  const IntLanes exponent = (bits_of(x) - kRootOfHalf) >> 23;
  const Lanes f = float_of(bits_of(x) - (exponent << 23));
  const Lanes s = (f - 1.0F) / (f + 1.0F);
  const Lanes z = s * s;
  Lanes p = broadcast(2.0F / 9);
  p = p * z + 2.0F / 7;
  p = p * z + 2.0F / 5;
  p = p * z + 2.0F / 3;
  p = p * z + 2.0F;
  return __builtin_convertvector(exponent - 24, Lanes) * kLn2 + p * s;
}

struct CosSin {
  Lanes cosine, sine;
};

/// Cosine and sine of 2 pi m / 2^24 for integers m from 0 to 2^24.
///
/// The nearest multiple of a quarter turn is subtracted exactly. The rest is at most pi / 4,
/// where the first omitted terms of the Taylor series are below 4e-9.
GM_INLINE CosSin cos_sin(const IntLanes& m) {
  constexpr int kQuarter = 22;  // 2^22 of 2^24 are a quarter
  const IntLanes quarters = (m + (1 << (kQuarter - 1))) >> kQuarter;
  const Lanes angle = __builtin_convertvector(m - (quarters << kQuarter), Lanes) *
                      (2.0F * std::numbers::pi_v<float> * 0x1p-24F);
  const Lanes z = angle * angle;
  Lanes sine = broadcast(1.0F / 362880);
  sine = sine * z - 1.0F / 5040;
  sine = sine * z + 1.0F / 120;
  sine = sine * z - 1.0F / 6;
  sine = sine * z * angle + angle;
  Lanes cosine = broadcast(-1.0F / 3628800);
  cosine = cosine * z + 1.0F / 40320;
  cosine = cosine * z - 1.0F / 720;
  cosine = cosine * z + 1.0F / 24;
  cosine = cosine * z - 0.5F;
  cosine = cosine * z + 1.0F;
  // Each quarter turn swaps cosine and sine. The sign flips in quarters 1 and 2 for the cosine,
  // and in quarters 2 and 3 for the sine.
  const IntLanes changed = (quarters & 1) != 0;
  const Lanes first = changed ? sine : cosine, second = changed ? cosine : sine;
  return {float_of(bits_of(first) ^ (((quarters + 1) & 2) << 30)),
          float_of(bits_of(second) ^ ((quarters & 2) << 30))};
}

/// The upper 24 bits of a word, plus one: never zero, so that its logarithm is finite.
GM_INLINE IntLanes share_of(const uint32_t* words) {
  uint32_t shares[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) shares[i] = (words[i] >> 8) + 1;
  IntLanes result;
  std::memcpy(&result, shares, sizeof result);
  return result;
}

/// Two independent normal values from each pair of words.
GM_INLINE void normal_pairs(const uint32_t* radius_words, const uint32_t* angle_words, float* first,
                            float* second) {
  for (int64_t i = 0; i < kBlocks; i += kLanes) {
    const Lanes radius = sqrt(-2.0F * log_of_share(share_of(radius_words + i)));
    const CosSin direction = cos_sin(share_of(angle_words + i));
    store(first + i, radius * direction.cosine);
    store(second + i, radius * direction.sine);
  }
}

GM_KERNEL void fill_blocks(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key,
                           float* values) {
  uint32_t words[4][kBlocks];
  for (int64_t i = 0; i < kBlocks; ++i) {
    const auto block =
        philox({counter[0] + static_cast<uint32_t>(i), counter[1], counter[2], counter[3]}, key);
    for (int64_t j = 0; j < 4; ++j) words[j][i] = block[j];
  }
  float normals[4][kBlocks];
  normal_pairs(words[0], words[1], normals[0], normals[1]);
  normal_pairs(words[2], words[3], normals[2], normals[3]);
  for (int64_t i = 0; i < kBlocks; ++i) {
    for (int64_t j = 0; j < 4; ++j) values[4 * i + j] = normals[j][i];
  }
}

void fill_normal(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key, float* values,
                 int64_t count) {
  constexpr int64_t kChunk = 4 * kBlocks;
  for (; count >= kChunk; count -= kChunk, values += kChunk, counter[0] += kBlocks) {
    fill_blocks(counter, key, values);
  }
  if (count > 0) {
    float rest[kChunk];
    fill_blocks(counter, key, rest);
    std::copy_n(rest, count, values);
  }
}

const bool in_use = use_kernel(fill_normal_kernel, fill_normal);

}  // namespace

}  // namespace gm::GM_KERNEL_SET
