#include "nn/ops/cpu/winograd_tiles.h"

#include <algorithm>

namespace gm::ops::GM_KERNEL_SET::winograd {

namespace {

constexpr int64_t kTile = 4;    // results of a tile, in each direction
constexpr int64_t kWindow = 6;  // pixels that they depend on, in each direction

/// The points +-a and +-b. Their squares, 1/2 and 2, are exact.
constexpr float kA = 0.70710678118654752F;
constexpr float kB = 1.41421356237309505F;

/// The positions of the tiles in images.
struct Tiling {
  int64_t height, width;
  int64_t rows = (height + kTile - 1) / kTile;
  int64_t columns = (width + kTile - 1) / kTile;

  int64_t per_image() const { return rows * columns; }
};

/// The image of a tile, and its first pixel.
struct Tile {
  int64_t image, y, x;
};

GM_INLINE Tile tile_at(const Tiling& tiling, int64_t index) {
  const int64_t within = index % tiling.per_image();
  return {index / tiling.per_image(), within / tiling.columns * kTile,
          within % tiling.columns * kTile};
}

struct Six {
  Lanes v[6];
};

/// B^T x.
GM_INLINE Six transform_window(const Six& x) {
  const Lanes even_a = x.v[4] - 2.0F * x.v[2], odd_a = x.v[3] - 2.0F * x.v[1];
  const Lanes even_b = x.v[4] - 0.5F * x.v[2], odd_b = x.v[3] - 0.5F * x.v[1];
  return {{x.v[0] - 2.5F * x.v[2] + x.v[4], even_a + kA * odd_a, even_a - kA * odd_a,
           even_b + kB * odd_b, even_b - kB * odd_b, x.v[1] - 2.5F * x.v[3] + x.v[5]}};
}

struct Four {
  Lanes v[4];
};

/// A^T m.
GM_INLINE Four transform_products(const Six& m) {
  const Lanes sum_a = m.v[1] + m.v[2], difference_a = kA * (m.v[1] - m.v[2]);
  const Lanes sum_b = m.v[3] + m.v[4], difference_b = kB * (m.v[3] - m.v[4]);
  return {{m.v[0] + sum_a + sum_b, difference_a + difference_b, 0.5F * sum_a + 2.0F * sum_b,
           0.5F * difference_a + 2.0F * difference_b + m.v[5]}};
}

/// A y.
GM_INLINE Six transform_gradient(const Four& y) {
  const Lanes even_a = y.v[0] + 0.5F * y.v[2], odd_a = kA * (y.v[1] + 0.5F * y.v[3]);
  const Lanes even_b = y.v[0] + 2.0F * y.v[2], odd_b = kB * (y.v[1] + 2.0F * y.v[3]);
  return {{y.v[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, y.v[3]}};
}

struct Three {
  Lanes v[3];
};

constexpr float kWeightA = -1.0F / 1.5F;
constexpr float kWeightB = 1.0F / 6.0F;

/// G w.
GM_INLINE Six transform_row_of_taps(const Three& w) {
  const Lanes even_a = kWeightA * (w.v[0] + 0.5F * w.v[2]), odd_a = (kWeightA * kA) * w.v[1];
  const Lanes even_b = kWeightB * (w.v[0] + 2.0F * w.v[2]), odd_b = (kWeightB * kB) * w.v[1];
  return {{w.v[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, w.v[2]}};
}

/// G^T u.
GM_INLINE Three fold_row(const Six& u) {
  const Lanes sum_a = kWeightA * (u.v[1] + u.v[2]), sum_b = kWeightB * (u.v[3] + u.v[4]);
  return {{u.v[0] + sum_a + sum_b,
           (kWeightA * kA) * (u.v[1] - u.v[2]) + (kWeightB * kB) * (u.v[3] - u.v[4]),
           0.5F * sum_a + 2.0F * sum_b + u.v[5]}};
}

/// Column j of six rows.
template <class Row>
GM_INLINE Six column_of(const Row (&rows)[kWindow], int64_t j) {
  return {{rows[0].v[j], rows[1].v[j], rows[2].v[j], rows[3].v[j], rows[4].v[j], rows[5].v[j]}};
}

/// The zeros outside of an image. They are read from memory like pixels: if the compiler knew that
/// they are zeros, it would remove their products from the sums, and so break up fused
/// instructions.
alignas(4 * kLanes) constexpr float kOutside[kLanes] = {};

/// The address of the pixel at x of a `row`. The pixel or the whole row may be outside of the
/// image.
GM_INLINE const float* pixel(const float* row, int64_t x, int64_t width, int64_t channels) {
  return row != kOutside && x >= 0 && x < width ? row + x * channels : kOutside;
}

/// B^T x B of the window around a tile, for all channels of a part. Stores element e of channel c
/// at to[e * step + c]. `inside`: the window is known to be within the image.
template <bool inside>
GM_INLINE void window(const ChannelPart<const float>& part, const Tiling& size, const Tile& tile,
                      float* to, int64_t step) {
  const int64_t channels = part.channels;
  const float* image = part.data + tile.image * size.height * size.width * channels;
  for (int64_t c = 0; c < channels; c += kLanes) {
    Six half[kWindow];
#pragma GCC unroll 6
    for (int64_t i = 0; i < kWindow; ++i) {
      const int64_t y = tile.y - 1 + i;
      const bool is_row = inside || (y >= 0 && y < size.height);
      const float* row = is_row ? image + y * size.width * channels + c : kOutside;
      Six pixels;
#pragma GCC unroll 6
      for (int64_t j = 0; j < kWindow; ++j) {
        const int64_t x = tile.x - 1 + j;
        pixels.v[j] = load(inside ? row + x * channels : pixel(row, x, size.width, channels));
      }
      half[i] = transform_window(pixels);
    }
#pragma GCC unroll 6
    for (int64_t j = 0; j < kWindow; ++j) {
      const Six column = transform_window(column_of(half, j));
#pragma GCC unroll 6
      for (int64_t i = 0; i < kWindow; ++i) store(to + (i * kWindow + j) * step + c, column.v[i]);
    }
  }
}

/// A^T m A + bias of a tile, for all channels of a part. The products m have the layout of windows.
template <bool inside>
GM_INLINE void result(const float* from, int64_t step, const float* bias, const Tiling& size,
                      const Tile& tile, const ChannelPart<float>& part) {
  const int64_t channels = part.channels;
  const int64_t rows = inside ? kTile : std::min(kTile, size.height - tile.y);
  const int64_t columns = inside ? kTile : std::min(kTile, size.width - tile.x);
  float* to = part.data + ((tile.image * size.height + tile.y) * size.width + tile.x) * channels;
  for (int64_t c = 0; c < channels; c += kLanes) {
    Four half[kWindow];
#pragma GCC unroll 6
    for (int64_t i = 0; i < kWindow; ++i) {
      Six products;
#pragma GCC unroll 6
      for (int64_t j = 0; j < kWindow; ++j) {
        products.v[j] = load(from + (i * kWindow + j) * step + c);
      }
      half[i] = transform_products(products);
    }
    const Lanes shift = bias ? load(bias + c) : Lanes{};
#pragma GCC unroll 4
    for (int64_t j = 0; j < kTile; ++j) {
      if (!inside && j >= columns) break;
      const Four column = transform_products(column_of(half, j));
#pragma GCC unroll 4
      for (int64_t i = 0; i < kTile; ++i) {
        if (!inside && i >= rows) break;
        store(to + (i * size.width + j) * channels + c, column.v[i] + shift);
      }
    }
  }
}

/// A dy A^T of a tile, for all channels. Stores element e of channel c at to[e * step + c]. Adds
/// the sum of the tile to `sums`.
template <bool inside>
GM_INLINE void gradient(const ChannelPart<const float>& part, const Tiling& size, const Tile& tile,
                        float* to, int64_t step, float* sums) {
  const int64_t channels = part.channels;
  const float* image = part.data + tile.image * size.height * size.width * channels;
  for (int64_t c = 0; c < channels; c += kLanes) {
    Six half[kTile];
    Lanes total = {};
#pragma GCC unroll 4
    for (int64_t i = 0; i < kTile; ++i) {
      const bool is_row = inside || tile.y + i < size.height;
      const float* row = is_row ? image + (tile.y + i) * size.width * channels + c : kOutside;
      Four pixels;
#pragma GCC unroll 4
      for (int64_t j = 0; j < kTile; ++j) {
        const int64_t x = tile.x + j;
        pixels.v[j] = load(inside ? row + x * channels : pixel(row, x, size.width, channels));
        total += pixels.v[j];
      }
      half[i] = transform_gradient(pixels);
    }
    store(sums + c, load(sums + c) + total);
#pragma GCC unroll 6
    for (int64_t j = 0; j < kWindow; ++j) {
      const Six column =
          transform_gradient({{half[0].v[j], half[1].v[j], half[2].v[j], half[3].v[j]}});
#pragma GCC unroll 6
      for (int64_t i = 0; i < kWindow; ++i) store(to + (i * kWindow + j) * step + c, column.v[i]);
    }
  }
}

/// G w G^T of taps `tap_stride` floats apart, to packed_weight[e * step].
GM_INLINE void transform_taps_at(const float* taps, int64_t tap_stride, float* packed_weight,
                                 int64_t step) {
  Six half[3];
#pragma GCC unroll 3
  for (int64_t i = 0; i < 3; ++i) {
    const float* row = taps + 3 * i * tap_stride;
    half[i] =
        transform_row_of_taps({{load(row), load(row + tap_stride), load(row + 2 * tap_stride)}});
  }
#pragma GCC unroll 6
  for (int64_t j = 0; j < kWindow; ++j) {
    const Six column = transform_row_of_taps({{half[0].v[j], half[1].v[j], half[2].v[j]}});
#pragma GCC unroll 6
    for (int64_t i = 0; i < kWindow; ++i)
      store(packed_weight + (i * kWindow + j) * step, column.v[i]);
  }
}

}  // namespace

/// Rounds up to an odd number of cache lines of 16 floats, so that the 36 elements are not all in
/// the same few sets of a cache.
int64_t element_stride(int64_t count) { return ((count + 15) / 16 | 1) * 16; }

int64_t tiles_of(int64_t height, int64_t width) { return Tiling{height, width}.per_image(); }

GM_KERNEL void transform_windows(const Images<const float>& x, int64_t first, int64_t count,
                                 const Elements<float>& to) {
  const Tiling tiling = {x.height, x.width};
  float* tile_to = to.data;
  for (int64_t t = 0; t < count; ++t) {
    const Tile tile = tile_at(tiling, first + t);
    const bool inside =
        tile.y > 0 && tile.y + kTile < tiling.height && tile.x > 0 && tile.x + kTile < tiling.width;
    for (const auto& part : x.parts) {
      if (inside) {
        window<true>(part, tiling, tile, tile_to, to.step);
      } else {
        window<false>(part, tiling, tile, tile_to, to.step);
      }
      tile_to += part.channels;
    }
  }
}

GM_KERNEL void transform_results(const Elements<const float>& from, const float* bias,
                                 int64_t first, int64_t count, const Images<float>& y) {
  const Tiling tiling = {y.height, y.width};
  const float* tile_from = from.data;
  for (int64_t t = 0; t < count; ++t) {
    const Tile tile = tile_at(tiling, first + t);
    const bool inside = tile.y + kTile <= tiling.height && tile.x + kTile <= tiling.width;
    const float* part_bias = bias;
    for (const auto& part : y.parts) {
      if (inside) {
        result<true>(tile_from, from.step, part_bias, tiling, tile, part);
      } else {
        result<false>(tile_from, from.step, part_bias, tiling, tile, part);
      }
      tile_from += part.channels;
      if (bias) part_bias += part.channels;
    }
  }
}

GM_KERNEL void transform_gradients(const Images<const float>& dy, int64_t first, int64_t count,
                                   const Elements<float>& to, float* sums) {
  const Tiling tiling = {dy.height, dy.width};
  float* tile_to = to.data;
  for (int64_t t = 0; t < count; ++t, tile_to += dy.channels()) {
    const Tile tile = tile_at(tiling, first + t);
    if (tile.y + kTile <= tiling.height && tile.x + kTile <= tiling.width) {
      gradient<true>(dy.parts[0], tiling, tile, tile_to, to.step, sums);
    } else {
      gradient<false>(dy.parts[0], tiling, tile, tile_to, to.step, sums);
    }
  }
}

GM_KERNEL void transform_taps(const Taps<const float>& taps, int64_t rows, int64_t columns,
                              const Elements<float>& packed_weight) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      transform_taps_at(taps.data + i * taps.row_stride + j, taps.tap_stride,
                        packed_weight.data + i * columns + j, packed_weight.step);
    }
  }
}

GM_KERNEL void fold_taps(const Elements<const float>& dpacked_weights, int64_t shares, int64_t rows,
                         int64_t columns, bool add, const Taps<float>& to) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      const float* from = dpacked_weights.data + i * columns + j;
      Three half[kWindow];
#pragma GCC unroll 6
      for (int64_t y = 0; y < kWindow; ++y) {
        Six row;
#pragma GCC unroll 6
        for (int64_t x = 0; x < kWindow; ++x) {
          const float* element = from + (y * kWindow + x) * dpacked_weights.step;
          row.v[x] = load(element);
          for (int64_t share = 1; share < shares; ++share) {
            row.v[x] += load(element + share * kElements * dpacked_weights.step);
          }
        }
        half[y] = fold_row(row);
      }
      float* first = to.data + i * to.row_stride + j;
#pragma GCC unroll 3
      for (int64_t x = 0; x < 3; ++x) {
        const Three column = fold_row(column_of(half, x));
        for (int64_t y = 0; y < 3; ++y) {
          float* tap = first + (3 * y + x) * to.tap_stride;
          store(tap, add ? load(tap) + column.v[y] : column.v[y]);
        }
      }
    }
  }
}

}  // namespace gm::ops::GM_KERNEL_SET::winograd
