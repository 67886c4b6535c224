/// JSON from files that may be hostile.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace gm {

/// The object that `text` is, nested at most `max_depth` levels. Null when it is no JSON object, or
/// one that is nested deeper: nothing that recurses may meet such a tree.
nlohmann::json parse_bounded_object(std::string_view text, int max_depth);

}  // namespace gm
