/// Images as PNG files: one by one, or side by side in a grid.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gm {

/// Converts images from a network, float [n,C,H,W] in [-1,1] (values outside are clamped), to uint8
/// [n,H,W,C] on the CPU, rounded to nearest.
at::Tensor to_pixels(const at::Tensor& images);

/// Images for a grid.
struct LabelledImages {
  at::Tensor images;  ///< uint8 [n,H,W,C] with C = 1 or 3.
  /// What the equal parts of each image are, from left to right; empty if there is nothing to say.
  std::vector<std::string> labels = {};
};

struct GridLayout {
  int64_t columns = 0;  ///< Images side by side; 0: about as many as rows.
  int64_t scale = 0;    ///< Enlarges each pixel; 0: chosen so that small images are visible.
};

/// Writes the images row by row into a grid with dark lines between them, and the labels above each
/// column. See write_output() for the allowed values of `path`. Throws Error when it cannot be
/// written.
void write_image_grid(const std::filesystem::path& path, const LabelledImages& images,
                      const GridLayout& layout = {});

/// Memory in bytes of an image of this size in a grid with the default scale.
int64_t bytes_in_grid(int64_t height, int64_t width, int64_t channels);

/// Writes `image`, uint8 [H,W,C] with C = 1 or 3, without scaling; errors as for
/// write_image_grid().
void write_image(const std::filesystem::path& path, const at::Tensor& image);

}  // namespace gm
