/// Configurations for tests.
#pragma once

#include <initializer_list>

#include "config/run_config.h"
#include "config/schema.h"
#include "config/toml.h"

namespace gm {

/// The default configuration with `overrides`, each of the form section.key=value.
inline RunConfig config_with(std::initializer_list<const char*> overrides) {
  RunConfig config;
  const Schema schema(config);
  for (const char* argument : overrides) schema.set(parse_override(argument));
  return config;
}

/// The same for a run: with data.shards chosen, as 8 unless `overrides` say otherwise.
inline RunConfig run_config_with(std::initializer_list<const char*> overrides) {
  RunConfig config = config_with(overrides);
  if (config.data.shards == 0) config.data.shards = 8;
  return config;
}

}  // namespace gm
