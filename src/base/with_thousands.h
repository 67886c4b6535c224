/// Large numbers in messages and tables.
#pragma once

#include <cstdint>
#include <string>

namespace gm {

/// 1234567 as "1,234,567". Expects number >= 0.
std::string with_thousands(int64_t number);

}  // namespace gm
