#include "eval/draw_indices.h"

#include <ATen/ATen.h>

#include <numeric>
#include <utility>
#include <vector>

namespace gm {

at::Tensor draw_indices(int64_t population, int64_t count, CounterRng random) {
  std::vector<int64_t> order(static_cast<size_t>(population));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t step = random.below(static_cast<uint32_t>(population - i));
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(i) + step]);
  }
  order.resize(static_cast<size_t>(count));
  return at::tensor(order);
}

}  // namespace gm
