/// How an image is made square: the values of data.fit.
#pragma once

#include <array>
#include <utility>

namespace gm {

enum class Fit {
  kCrop,    ///< The largest centred square, resized.
  kPad,     ///< Shrunk to fit, never enlarged, with a black border.
  kSquash,  ///< Resized without keeping the aspect ratio.
};
constexpr auto names_of(Fit) {
  using enum Fit;
  return std::to_array<std::pair<Fit, const char*>>(
      {{kCrop, "crop"}, {kPad, "pad"}, {kSquash, "squash"}});
}

}  // namespace gm
