/// Which images gm_sample makes: those of a seed, or rows of images between two seeds.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "tasks/image_generator.h"

namespace gm {

/// As the user gives it.
struct SampleSeries {
  uint64_t seed = 0;
  std::optional<uint64_t> toward = {};  ///< --interpolate: another seed.
  std::optional<int64_t> count = {};    ///< Images; with `toward`: images in a row.
  std::optional<int64_t> rows = {};     ///< Of the images between two seeds.
};

/// Throws InputError for an interpolation that makes no sense. `inpaints`: the images are inpainted
/// ones, not new ones.
void check_series(const SampleSeries& series, bool inpaints);

/// Images in a row between two seeds.
int64_t columns_of(const SampleSeries& series);

/// Number of new images.
int64_t images_in(const SampleSeries& series);

/// The request for the new images `indices` (int64 [n] on the CPU). Images between two seeds are in
/// the order of the rows.
SampleRequest request_for(const SampleSeries& series, const at::Tensor& indices);

}  // namespace gm
