/// Validators for the values of command-line options that are stricter than those of CLI11, which
/// accepts 0x10 and 010 as numbers and replaces a number that is too large by the largest one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "base/enum_names.h"

namespace gm {

/// An integer from `min` to `max`, in decimal digits only.
CLI::Validator whole_number(uint64_t min, uint64_t max);

/// The step of a checkpoint, or kBestStep.
CLI::Validator a_step();
inline constexpr const char* kBestStep = "best";

/// A finite decimal number from `min` to `max`.
CLI::Validator number(double min, double max);

/// A file or folder, not empty. A leading `~` becomes the home folder.
CLI::Validator a_path();

/// An option whose values are the names of an enumeration. `field` is an E, or a
/// std::optional<E>; it outlives the parsing.
template <NamedEnum E, class Field>
CLI::Option* add_choice(CLI::App& app, const std::string& name, Field& field,
                        const std::string& help) {
  const auto take = [&field](const std::string& text) { field = *value_named<E>(text); };
  return app.add_option_function<std::string>(name, take, help)
      ->check(CLI::IsMember(all_names<E>()));
}

}  // namespace gm
