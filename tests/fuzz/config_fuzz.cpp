// The input: a configuration file, then overrides, separated by zero bytes. An accepted
// configuration must be unchanged after it is written and read again, as a resumed run does.
#include "config/run_config.h"
#include "config/schema.h"
#include "config/toml.h"
#include "fuzz/fuzz.h"

namespace gm {
namespace {

RunConfig parsed(Input input) {
  RunConfig config;
  const Schema schema(config);
  for (const auto& assignment : parse_toml(input.text(), "fuzz.toml")) schema.set(assignment);
  while (!input.rest().empty()) schema.set(parse_override(input.text()));
  return config;
}

std::string read_again(const std::string& text) {
  RunConfig config;
  const Schema schema(config);
  for (const auto& assignment : parse_toml(text, "config.toml")) schema.set(assignment);
  return to_toml(config);
}

}  // namespace
}  // namespace gm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gm::may_refuse([&] {
    const std::string text = gm::to_toml(gm::parsed({data, size}));
    bool is_same = false;
    gm::may_refuse([&] { is_same = gm::read_again(text) == text; });
    gm::require(is_same);
  });
  return 0;
}
