/// The 4x4 convolution of stride 2 that halves an image, its transpose that doubles an image, and
/// the weight gradient of both.
///
/// With a `big` image [N,B,H,W], a `small` one [N,S,H/2,W/2] (rounded down) and a weight
/// [S,B,4,4], the convolution with padding 1 is the linear map
///
///   small[s,i,j] = sum over b, y, x of weight[s,b,y,x] * big[b, 2i - 1 + y, 2j - 1 + x].
///
/// All functions require what has_strided_convolution_for() asks. They record no gradients: the
/// autograd nodes of downsample_convolution and upsample_convolution use them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gm::ops {

/// Whether there are kernels for `x`, the big or the small image, if the small one has
/// `small_channels` channels.
bool has_strided_convolution_for(const at::Tensor& x, int64_t small_channels);

/// small = map(big) + `bias` [S], which may be undefined.
at::Tensor strided_convolution(const at::Tensor& big, const at::Tensor& weight,
                               const at::Tensor& bias);

/// big = transposed map(small) + `bias` [B], which may be undefined; `height` and `width` of `big`
/// are twice those of `small`, or one more.
at::Tensor transposed_strided_convolution(const at::Tensor& small, const at::Tensor& weight,
                                          const at::Tensor& bias, int64_t height, int64_t width);

/// The gradient of sum(map(big) * small) with respect to the weight: [S,B,4,4]. It is equal to that
/// of sum(big * transposed map(small)).
at::Tensor strided_convolution_weight_gradient(const at::Tensor& big, const at::Tensor& small);

}  // namespace gm::ops
