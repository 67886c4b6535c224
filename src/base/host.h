/// The machine that this process runs on.
#pragma once

#include <string>

namespace gm {

/// Its name, for people; two machines may have the same.
std::string host_name();

}  // namespace gm
