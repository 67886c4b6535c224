/// The number of arithmetic operations of the operators, for measurements of their speed.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gm::ops {

/// Multiplications and additions of one call of the dispatcher's operator `name` ("gm::...") with
/// arguments of these shapes (empty for an argument that is not a tensor). These are the operations
/// of the operator's definition; a kernel may need fewer. Counts convolutions, except the weight
/// gradient of the input convolution, and the projections of attention; 0 for everything else.
double flops_of(std::string_view name, const std::vector<std::vector<int64_t>>& shapes);

}  // namespace gm::ops
