#include "data/augmentation.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <span>
#include <vector>

#include "base/counter_rng.h"
#include "data/read_images.h"
#include "device/operator.h"
#include "device/transfer.h"
#include "image/resize.h"

// Each image of `pixels` [n,H,W,C] is enlarged to height x width; the result has the H x W pixels
// at `corners` [n,2] (top, left), mirrored where `mirrored` [n].
TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def(
      "crop_enlarged(Tensor pixels, int height, int width, Tensor corners, Tensor mirrored) -> "
      "Tensor images");
}

namespace gm {
namespace {

using at::Tensor;
using CropEnlarged = Tensor(const Tensor&, int64_t, int64_t, const Tensor&, const Tensor&);

void mirror(std::span<uint8_t> pixels, const ImageShape& shape) {
  for (int64_t y = 0; y < shape.height; ++y) {
    uint8_t* left = pixels.data() + y * shape.width * shape.channels;
    uint8_t* right = left + (shape.width - 1) * shape.channels;
    for (; left < right; left += shape.channels, right -= shape.channels) {
      std::swap_ranges(left, left + shape.channels, right);
    }
  }
}

Tensor crop_enlarged_on_cpu(const Tensor& pixels, int64_t height, int64_t width,
                            const Tensor& corners, const Tensor& mirrored) {
  const ImageShape shape{pixels.size(1), pixels.size(2), pixels.size(3)};
  const auto bytes = static_cast<size_t>(shape.bytes());
  const bool enlarges = height != shape.height || width != shape.width;
  Resampler enlarge(shape, height, width, ResampleFilter::kBilinear);
  std::vector<uint8_t> cropped(bytes);
  Tensor images = at::empty(pixels.sizes(), at::kFloat);
  const auto corner = corners.accessor<int64_t, 2>();
  const auto is_mirrored = mirrored.accessor<bool, 1>();
  for (int64_t n = 0; n < pixels.size(0); ++n) {
    const std::span image(pixels.const_data_ptr<uint8_t>() + n * shape.bytes(), bytes);
    if (enlarges) {
      enlarge.resize(image, {corner[n][0], corner[n][1], shape.height, shape.width}, cropped);
    } else {
      std::ranges::copy(image, cropped.begin());
    }
    if (is_mirrored[n]) mirror(cropped, shape);
    scale_pixels(cropped, images.data_ptr<float>() + n * shape.bytes());
  }
  return images;
}

/// The random numbers of a batch.
struct AugmentationDraws {
  Tensor corners, mirrored;
};

/// `rows` and `columns`: by how many pixels the enlarged images are larger.
AugmentationDraws draw_augmentation(const Tensor& positions, int64_t rows, int64_t columns,
                                    bool flip, uint64_t seed) {
  const int64_t count = positions.size(0);
  AugmentationDraws draws{at::zeros({count, 2}, at::kLong), at::zeros({count}, at::kBool)};
  const auto position = positions.accessor<int64_t, 1>();
  auto corner = draws.corners.accessor<int64_t, 2>();
  auto mirrored = draws.mirrored.accessor<bool, 1>();
  for (int64_t n = 0; n < count; ++n) {
    CounterRng random(seed, Stream::kAugmentation, static_cast<uint64_t>(position[n]));
    if (rows > 0 || columns > 0) {
      corner[n][0] = random.below(static_cast<uint32_t>(rows + 1));
      corner[n][1] = random.below(static_cast<uint32_t>(columns + 1));
    }
    mirrored[n] = flip && random.below(2) == 1;
  }
  return draws;
}

int64_t enlarged(int64_t side, double factor) {
  return static_cast<int64_t>(static_cast<double>(side) * factor);
}

}  // namespace

at::Tensor augment(const at::Tensor& pixels, const at::Tensor& positions,
                   const AugmentationOptions& options, uint64_t seed) {
  static const Operator<CropEnlarged> crop_enlarged("gm::crop_enlarged");
  const int64_t height = enlarged(pixels.size(1), options.resize_crop),
                width = enlarged(pixels.size(2), options.resize_crop);
  const auto [corners, mirrored] = draw_augmentation(positions, height - pixels.size(1),
                                                     width - pixels.size(2), options.flip, seed);
  const at::Device device = pixels.device();
  return crop_enlarged(pixels, height, width, upload(corners, device), upload(mirrored, device))
      .permute({0, 3, 1, 2});
}

}  // namespace gm

TORCH_LIBRARY_IMPL(gm, CPU, library) { library.impl("crop_enlarged", &gm::crop_enlarged_on_cpu); }
