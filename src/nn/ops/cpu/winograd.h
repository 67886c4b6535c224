/// Winograd's convolution (winograd_tiles.h) for weights whose transform stays in a near cache: one
/// block of tiles after the other passes through all steps. Threads share the images.
///
/// All functions run on the calling thread and expect channels in multiples of 8.
#pragma once

#include <cstdint>

#include "nn/ops/cpu/images.h"
#include "nn/ops/cpu/winograd_tiles.h"

namespace gm::ops::GM_KERNEL_SET::winograd {

/// packed_weight = G w G^T of the matrices [rows,columns] `taps`: 36 elements that are
/// `element_stride(rows * columns)` floats apart, as convolve() needs them. Computes only the rows
/// [begin,end), so that threads can share the work.
void prepare(const Taps<const float>& taps, int64_t rows, int64_t columns, int64_t begin,
             int64_t end, float* packed_weight);

/// Floats of scratch memory that the functions below need. The same if in and out are exchanged.
int64_t scratch_size(int64_t in, int64_t out);

/// y = convolution of `count` images x with the weight that prepare() packed into `packed_weight`,
/// plus `bias` [C] unless null.
void convolve(const Images<const float>& x, int64_t count, const float* packed_weight,
              const float* bias, const Images<float>& y, float* scratch);

/// Sets `dpacked_weight` [36,out,in], with the stride of a packed weight, to the gradient of the
/// transformed weight, and `dbias` [out] to that of the bias, from `count` images x and the
/// gradients dy of their results. dy must have one channel part.
void weight_gradient(const Images<const float>& x, const Images<const float>& dy, int64_t count,
                     float* dpacked_weight, float* dbias, float* scratch);

}  // namespace gm::ops::GM_KERNEL_SET::winograd
