/// The projections around an attention, laid out for products.
#pragma once

#include <ATen/ATen.h>

#include "nn/ops/cpu/product.h"

namespace gm::ops::GM_KERNEL_SET {

inline at::Tensor transpose_of(const at::Tensor& matrix) {
  const int64_t rows = matrix.size(0), columns = matrix.size(1);
  at::Tensor result = at::empty({columns, rows}, matrix.options());
  transpose(rows, columns, matrix.const_data_ptr<float>(), columns,
            result.mutable_data_ptr<float>(), rows);
  return result;
}

/// The projections from C channels to q, k and v of D channels each, and from D back to C, with
/// their transposes: either can be the right factor of a product.
struct Projections {
  /// Of the weights [3*D,C,1,1] and [C,D,1,1].
  Projections(const at::Tensor& to_qkv, const at::Tensor& to_out)
      : qkv(to_qkv.flatten(1).contiguous()),
        qkv_transposed(transpose_of(qkv)),
        out(to_out.flatten(1).contiguous()),
        out_transposed(transpose_of(out)) {}

  at::Tensor qkv;             // [3*D,C]
  at::Tensor qkv_transposed;  // [C,3*D]
  at::Tensor out;             // [C,D]
  at::Tensor out_transposed;  // [D,C]
};

}  // namespace gm::ops::GM_KERNEL_SET
