#include "nn/ops/group_norm_silu.h"

#include <ATen/ATen.h>

namespace gm::ops {

at::Tensor group_norm_silu_plain(const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& bias, int64_t groups,
                                 const at::Tensor& scale_shift, const at::Tensor& residual) {
  at::Tensor y = at::group_norm(x, groups, weight, bias, 1e-5);
  if (scale_shift.defined()) {
    const auto parts = scale_shift.view({x.size(0), -1, 1, 1}).chunk(2, 1);
    y = y * (parts[0] + 1) + parts[1];
  }
  y = at::silu(y);
  return residual.defined() ? y + residual : y;
}

at::Tensor group_norm_silu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           int64_t groups, const at::Tensor& scale_shift,
                           const at::Tensor& residual) {
  return group_norm_silu_plain(x, weight, bias, groups, scale_shift, residual);
}

}  // namespace gm::ops
