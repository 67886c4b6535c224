/// Vectors of floats by the compiler's vector extension. Their width depends on the instruction set
/// that a source file is compiled for.
///
/// Source files in folders `cpu/` are compiled once for each set of KernelSet, with GM_KERNELS_AVX2
/// or GM_KERNELS_AVX512 defined for the sets of that name. All their code is in a namespace called
/// GM_KERNEL_SET. They register their kernels only if kernels_run_here().
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#include "base/kernel_set.h"

/// GM_KERNEL marks a function that is compiled for the set, whatever the rest of the program is
/// compiled for. Compiler options for a whole source file would also apply to the inline functions
/// of library headers. The linker keeps any one copy of those, so the program would crash on older
/// machines. Only code that is inlined into a kernel is compiled for the set. A lambda never is:
/// keep parallel_for outside.
#if defined(GM_KERNELS_AVX512)
#define GM_KERNEL_SET avx512
#define GM_KERNEL __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,fma")))
#elif defined(GM_KERNELS_AVX2)
#define GM_KERNEL_SET avx2
#define GM_KERNEL __attribute__((target("avx2,fma")))
#else
#define GM_KERNEL_SET portable
#define GM_KERNEL
#endif

/// Marks a helper function that is inlined into kernels.
#define GM_INLINE [[gnu::always_inline]] inline GM_KERNEL

namespace gm::GM_KERNEL_SET {

/// Whether the set that this code is compiled for is the one in use.
inline bool kernels_run_here() { return kernel_set() == KernelSet::GM_KERNEL_SET; }

/// For kernels that are called through a pointer instead of the dispatcher: sets `pointer` to this
/// set's copy if the set is the one in use. Called during static initialization.
template <class Function>
bool use_kernel(Function*& pointer, Function& kernel) {
  // The dispatcher falls back to ATen where no kernel is registered, but a pointer needs a target.
  const bool in_place_of_none =
      kernel_set() == KernelSet::aten && KernelSet::GM_KERNEL_SET == KernelSet::portable;
  const bool chosen = kernels_run_here() || in_place_of_none;
  if (chosen) pointer = &kernel;
  return chosen;
}

/// Floats in a vector: 4 or 8. AVX-512's vectors of 16 do not fit pixels of 8 channels. The matrix
/// product, which is faster with them, uses them directly.
#if defined(GM_KERNELS_AVX2) || defined(GM_KERNELS_AVX512)
inline constexpr int64_t kLanes = 8;
#else
inline constexpr int64_t kLanes = 4;
#endif

/// The compiler's own vectors: + - * / work on each lane, also with a scalar. A product and a sum
/// become one fused instruction where the hardware has one.
using Lanes = float __attribute__((vector_size(4 * kLanes)));
using IntLanes = int32_t __attribute__((vector_size(4 * kLanes)));

GM_INLINE Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

GM_INLINE void store(float* to, const Lanes& lanes) { std::memcpy(to, &lanes, sizeof lanes); }

GM_INLINE IntLanes bits_of(const Lanes& v) {
  IntLanes bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}

GM_INLINE Lanes float_of(const IntLanes& bits) {
  Lanes v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

GM_INLINE Lanes broadcast(float value) { return value - Lanes{}; }

GM_INLINE Lanes max(const Lanes& a, const Lanes& b) { return a > b ? a : b; }

GM_INLINE Lanes sqrt(const Lanes& v) {
  float parts[kLanes];
  store(parts, v);
  for (float& part : parts) part = __builtin_sqrtf(part);
  return load(parts);
}

template <int distance, int... lanes>
GM_INLINE Lanes exchanged(const Lanes& v, std::integer_sequence<int, lanes...>) {
  return __builtin_shufflevector(v, v, (lanes ^ distance)...);
}

/// Swaps each lane with the lane whose index differs in the bit `distance`.
template <int distance>
GM_INLINE Lanes exchanged(const Lanes& v) {
  return exchanged<distance>(v, std::make_integer_sequence<int, kLanes>());
}

GM_INLINE float sum(Lanes v) {
  if constexpr (kLanes == 8) v += exchanged<4>(v);
  v += exchanged<2>(v);
  return (v + exchanged<1>(v))[0];
}

GM_INLINE float max(Lanes v) {
  if constexpr (kLanes == 8) v = max(v, exchanged<4>(v));
  v = max(v, exchanged<2>(v));
  return max(v, exchanged<1>(v))[0];
}

/// e^x with an error of at most 2 units in the last place, only for x in [-87, 88].
///
/// e^x = 2^n e^r with n = round(x / ln 2), so |r| <= ln 2 / 2. e^r is computed by the polynomial of
/// degree 6 that begins with 1 + r + r^2 / 2 and has the smallest relative error, 4e-9.
GM_INLINE Lanes exp_within_range(const Lanes& x) {
  // Adding 1.5 * 2^23 rounds to an integer, which is then in the lowest bits.
  constexpr float kRounder = 12582912.0F;
  const Lanes shifted = x * 1.44269504088896341F + kRounder;
  const Lanes n = shifted - kRounder;
  // ln 2 in two parts: the first has so few bits that its product with n is exact.
  const Lanes r = (x - n * 0.693359375F) + n * 2.12194440054690583e-4F;
  Lanes p = broadcast(0.0013863781F);
  p = p * r + 0.008367483F;
  p = p * r + 0.041667238F;
  p = p * r + 0.16666535F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  // Multiplies by 2^n: adds n to the exponent's bits.
  return float_of(bits_of(p) + (bits_of(shifted) << 23));
}

/// The same for any x; x is clamped to the range.
GM_INLINE Lanes exp(const Lanes& x) {
  const Lanes lowest = broadcast(-87.0F), highest = broadcast(88.0F);
  return exp_within_range(x < lowest ? lowest : (x > highest ? highest : x));
}

GM_INLINE Lanes sigmoid(const Lanes& x) { return 1.0F / (1.0F + exp(-x)); }

}  // namespace gm::GM_KERNEL_SET
