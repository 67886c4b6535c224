#include "run/sample_series.h"

#include <ATen/ATen.h>

#include "base/error.h"

namespace gm {

void check_series(const SampleSeries& series, bool inpaints) {
  if (!series.toward) {
    if (series.rows) throw InputError("--rows {}: only --interpolate has rows", *series.rows);
    return;
  }
  if (inpaints) {
    throw InputError("--interpolate is between new images, which --inpaint does not make");
  }
  if (*series.toward == series.seed) {
    throw InputError("--interpolate {} is --seed itself: give another seed", series.seed);
  }
  if (series.count == 1) {
    throw InputError("--count 1: a row of --interpolate has at least its two ends");
  }
}

int64_t columns_of(const SampleSeries& series) {
  constexpr int64_t kDefaultColumns = 9;
  return series.count.value_or(kDefaultColumns);
}

int64_t images_in(const SampleSeries& series) {
  constexpr int64_t kDefaultCount = 64;
  if (series.toward) return series.rows.value_or(1) * columns_of(series);
  return series.count.value_or(kDefaultCount);
}

SampleRequest request_for(const SampleSeries& series, const at::Tensor& indices) {
  if (!series.toward) return {series.seed, indices};
  const int64_t columns = columns_of(series);
  const at::Tensor column = indices.remainder(columns).to(at::kDouble);
  return {.seed = series.seed,
          .indices = indices.div(columns, "floor"),
          .toward = SampleRequest::Interpolation{*series.toward, column / (columns - 1)}};
}

}  // namespace gm
