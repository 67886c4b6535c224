/// Work on all pairs of features, block by block, so that memory does not grow with the number of
/// pairs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "comm/communicator.h"

namespace gm {

/// A block of rows of the matrix of all pairs.
struct FeatureRows {
  at::Tensor indices;  ///< int64 [b]: which features the rows belong to.
  at::Tensor values;   ///< float64 [b,D]: these features.
};

/// The result of `row_values` for each row of `features` (float [n,D] on the CPU, the same on all
/// ranks): float64 [n,...]. `row_values` gets a block of rows and returns float64 [b,...]. Rows are
/// divided among the ranks. Called by all ranks, which get the same. Throws StopRequested on all
/// ranks if one of them received a signal.
at::Tensor for_all_rows(const at::Tensor& features, at::IntArrayRef shape_of_a_row,
                        Communicator& communicator,
                        const std::function<at::Tensor(const FeatureRows& rows)>& row_values);

/// Calls act(first, block) for all of `features`, in order, in blocks of float64 [c,D] that begin
/// at feature number `first`.
void for_each_column_block(const at::Tensor& features,
                           const std::function<void(int64_t first, const at::Tensor& block)>& act);

/// Memory in bytes that comparing `a` with `b` features of `dimension` values takes on each rank:
/// the features in float32, and one block of the pairs.
int64_t bytes_of_comparison(int64_t a, int64_t b, int64_t dimension);

}  // namespace gm
