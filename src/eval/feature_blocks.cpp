#include "eval/feature_blocks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "comm/distributed_range.h"

namespace gm {
namespace {

constexpr int64_t kBlockRows = 512;
constexpr int64_t kBlockColumns = 4096;

}  // namespace

at::Tensor for_all_rows(const at::Tensor& features, at::IntArrayRef shape_of_a_row,
                        Communicator& communicator,
                        const std::function<at::Tensor(const FeatureRows& rows)>& row_values) {
  std::vector<int64_t> shape{features.size(0)};
  shape.insert(shape.end(), shape_of_a_row.begin(), shape_of_a_row.end());
  const at::Tensor results = at::zeros(shape, at::kDouble);
  const DistributedRange work{.count = features.size(0), .batch_size = kBlockRows};
  for_each_rank_batch(work, communicator, [&](const at::Tensor& items, int64_t valid) {
    if (valid == 0) return;
    const at::Tensor indices = items.narrow(0, 0, valid);
    results.index_copy_(0, indices,
                        row_values({indices, features.index_select(0, indices).to(at::kDouble)}));
  });
  communicator.all_reduce_sum(results);  // the rows of other ranks are zero here
  return results;
}

void for_each_column_block(const at::Tensor& features,
                           const std::function<void(int64_t first, const at::Tensor& block)>& act) {
  for (int64_t first = 0; first < features.size(0); first += kBlockColumns) {
    const int64_t count = std::min(kBlockColumns, features.size(0) - first);
    act(first, features.narrow(0, first, count).to(at::kDouble));
  }
}

int64_t bytes_of_comparison(int64_t a, int64_t b, int64_t dimension) {
  constexpr int64_t kFloat = 4, kDouble = 8, kMatricesOfPairs = 3;
  return (a + b) * dimension * kFloat + (kBlockRows + kBlockColumns) * dimension * kDouble +
         kMatricesOfPairs * kBlockRows * kBlockColumns * kDouble;
}

}  // namespace gm
