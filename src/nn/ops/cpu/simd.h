/// Eight floats at a time.
#pragma once

#include <cstdint>
#include <cstring>

/// A function of vectors: compiled for AVX2 and FMA whatever the rest of the program is compiled
/// for. Only what is inlined into it is compiled likewise, and a lambda never is: keep parallel_for
/// outside. Call it only where kernels_run_here().
#if defined(__x86_64__)
#define GM_KERNEL __attribute__((target("avx2,fma")))
#else
#define GM_KERNEL
#endif

/// A part of such functions.
#define GM_INLINE [[gnu::always_inline]] inline GM_KERNEL

namespace gm::ops {

/// Whether this machine knows the instructions that kernels are made of.
inline bool kernels_run_here() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

inline constexpr int64_t kLanes = 8;

/// The compiler's own vectors: + - * / work lane by lane, with scalars too, and a product and a sum
/// become one fused instruction where there is one.
using Lanes = float __attribute__((vector_size(4 * kLanes)));
using IntLanes = int32_t __attribute__((vector_size(4 * kLanes)));

GM_INLINE Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

GM_INLINE void store(float* to, const Lanes& lanes) { std::memcpy(to, &lanes, sizeof lanes); }

GM_INLINE Lanes broadcast(float value) { return value - Lanes{}; }

GM_INLINE Lanes max(const Lanes& a, const Lanes& b) { return a > b ? a : b; }

GM_INLINE float sum(const Lanes& v) {
  return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7]));
}

GM_INLINE float max(const Lanes& v) {
  float result = v[0];
  for (int i = 1; i < kLanes; ++i) result = v[i] > result ? v[i] : result;
  return result;
}

/// e^x to 2 units in the last place, for x within [-87, 88]; beyond, the value at the border.
///
/// e^x = 2^n e^r with n = round(x / ln 2), so |r| <= ln 2 / 2, and e^r by Taylor's polynomial of
/// degree 7, whose first missing term is below 6e-9 of the result.
GM_INLINE Lanes exp(const Lanes& x) {
  const Lanes lowest = broadcast(-87.0F), highest = broadcast(88.0F);
  const Lanes bounded = x < lowest ? lowest : (x > highest ? highest : x);
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the lowest bits.
  constexpr float kRounder = 12582912.0F;
  const Lanes shifted = bounded * 1.44269504088896341F + kRounder;
  const Lanes n = shifted - kRounder;
  // ln 2 in two parts: the first has so few bits that its product with n is exact.
  const Lanes r = (bounded - n * 0.693359375F) + n * 2.12194440054690583e-4F;
  Lanes p = broadcast(1.0F / 5040);
  p = p * r + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  // Multiplies by 2^n: adds n to the exponent's bits.
  IntLanes exponent, bits;
  std::memcpy(&exponent, &shifted, sizeof shifted);
  std::memcpy(&bits, &p, sizeof p);
  bits += exponent << 23;
  Lanes result;
  std::memcpy(&result, &bits, sizeof bits);
  return result;
}

GM_INLINE Lanes sigmoid(const Lanes& x) { return 1.0F / (1.0F + exp(-x)); }

}  // namespace gm::ops
