/// What the values of command-line options may be, for those that CLI11 would read generously: it
/// takes 0x10 and 010 for numbers, and the largest one for all that are larger.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace gm {

/// Decimal digits alone: an integer from `min` to `max`.
CLI::Validator whole_number(uint64_t min, uint64_t max);

/// A finite decimal number from `min` to `max`.
CLI::Validator number(double min, double max);

/// A file or folder, not empty. A leading `~` becomes the home folder.
CLI::Validator a_path();

}  // namespace gm
