/// The arithmetic of the operators, for whoever measures their speed.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gm::ops {

/// Multiplications and additions of a call of the dispatcher's operator `name` ("gm::...") with
/// arguments of these shapes (an empty one for each that is no tensor), as the operator's
/// definition has them: a kernel may get along with fewer. Convolutions are counted, but for the
/// weight gradient of the first, and of attention the projections; 0 for all else.
double flops_of(std::string_view name, const std::vector<std::vector<int64_t>>& shapes);

}  // namespace gm::ops
