#include "base/bounded_json.h"

namespace gm {

nlohmann::json parse_bounded_object(std::string_view text, int max_depth) {
  using Json = nlohmann::json;
  bool too_deep = false;
  const auto within_depth = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > max_depth;
    return !too_deep;
  };
  Json object = Json::parse(text, within_depth, /*allow_exceptions=*/false);
  return too_deep || !object.is_object() ? Json() : object;
}

}  // namespace gm
