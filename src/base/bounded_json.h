/// Parses JSON from untrusted files.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace gm {

/// Parses `text` as a JSON object that is nested at most `max_depth` levels. Null if it is not a
/// JSON object or is nested deeper: a recursive function could overflow the stack on such a tree.
nlohmann::json parse_bounded_object(std::string_view text, int max_depth);

}  // namespace gm
