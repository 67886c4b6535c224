/// Images as PNG files: one by one, or side by side in a grid.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>

namespace gm {

/// Pixels of images as a network makes them: float [n,C,H,W] in [-1,1] (values outside are
/// clamped) to uint8 [n,H,W,C] on the CPU, rounded to nearest.
at::Tensor to_pixels(const at::Tensor& images);

/// Writes `images`, uint8 [n,H,W,C] with C = 1 or 3, row by row in a grid of `columns` (0: about as
/// many as rows) with a dark line between them, each pixel `scale` pixels wide (0: enough for a
/// person to see small images). Where `path` may lead is told by write_output(). Throws Error
/// when it cannot be written.
void write_image_grid(const std::filesystem::path& path, const at::Tensor& images,
                      int64_t columns = 0, int64_t scale = 0);

/// Bytes of memory that an image of this size takes in a grid that a person can see.
int64_t bytes_in_grid(int64_t height, int64_t width, int64_t channels);

/// Writes `image`, uint8 [H,W,C] with C = 1 or 3, pixel by pixel, as write_image_grid() does.
void write_image(const std::filesystem::path& path, const at::Tensor& image);

}  // namespace gm
