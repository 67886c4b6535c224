/// The machine that this process runs on.
#pragma once

#include <string>

namespace gm {

/// The host name, for messages. Two machines may have the same name.
std::string host_name();

}  // namespace gm
