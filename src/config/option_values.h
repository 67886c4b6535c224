/// Validators for the values of command-line options that are stricter than those of CLI11, which
/// accepts 0x10 and 010 as numbers and replaces a number that is too large by the largest one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace gm {

/// An integer from `min` to `max`, in decimal digits only.
CLI::Validator whole_number(uint64_t min, uint64_t max);

/// A finite decimal number from `min` to `max`.
CLI::Validator number(double min, double max);

/// A file or folder, not empty. A leading `~` becomes the home folder.
CLI::Validator a_path();

}  // namespace gm
