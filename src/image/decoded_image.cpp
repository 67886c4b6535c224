#include "image/decoded_image.h"

#include <semaphore>

#include "base/error.h"

namespace gm {
namespace {

/// Waits until no other image of more than kManyPixels is in memory.
std::shared_ptr<void> wait_for_turn() {
  static std::binary_semaphore turn(1);  // not a mutex: another thread may release the image
  turn.acquire();
  return {&turn, [](std::binary_semaphore* taken) { taken->release(); }};
}

}  // namespace

DecodedImage reserve_image(const std::string& name, const ImageShape& shape) {
  if (shape.height < 1 || shape.width < 1 || shape.width > kMaxPixels / shape.height) {
    throw InputError("{}: declares {} x {} pixels, more than {}; make it smaller first", name,
                     shape.width, shape.height, kMaxPixels);
  }
  DecodedImage image{shape, {}};
  if (shape.height * shape.width > kManyPixels) image.large_turn = wait_for_turn();
  return image;
}

void allocate_pixels(DecodedImage& image) {
  image.pixels.resize(static_cast<size_t>(image.shape.bytes()));
}

}  // namespace gm
