/// A font for labels in images: lower-case letters, digits and some signs, five pixels wide and
/// nine high.
#pragma once

#include <array>
#include <cstdint>

namespace gm {

inline constexpr int64_t kGlyphWidth = 5, kGlyphHeight = 9;

/// The pixels of a character, row by row; those of an empty box where the font does not have it.
/// Capitals look like small letters.
using Glyph = std::array<std::array<bool, kGlyphWidth>, kGlyphHeight>;
Glyph glyph_of(char character);

}  // namespace gm
