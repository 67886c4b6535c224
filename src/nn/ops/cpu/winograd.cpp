#include "nn/ops/cpu/winograd.h"

#include <algorithm>

#include "nn/ops/cpu/product.h"
#include "nn/ops/cpu/simd.h"

namespace gm::ops::GM_KERNEL_SET::winograd {

namespace {

constexpr int64_t kTile = 4;    // results a tile, in each direction
constexpr int64_t kWindow = 6;  // pixels that they depend on

/// The points +-a and +-b. Their squares, 1/2 and 2, are exact.
constexpr float kA = 0.70710678118654752F;
constexpr float kB = 1.41421356237309505F;

/// Columns that a panel of a form holds: those of the product's tile with AVX2, two tiles of the
/// portable set, and half a tile, but a whole vector, with AVX-512.
constexpr int64_t kPanel = 16;

/// Where the tiles of pictures lie.
struct Tiling {
  int64_t height, width;
  int64_t rows = (height + kTile - 1) / kTile;
  int64_t columns = (width + kTile - 1) / kTile;

  int64_t per_picture() const { return rows * columns; }
};

/// How many tiles are transformed at a time: a multiple of the product's 6 rows, fewer where there
/// are so many channels that the transformed ones would leave the second cache.
int64_t block_of(int64_t channels) { return channels <= 256 ? 36 : 18; }

/// One tile: its picture and the first of its pixels.
struct Tile {
  int64_t picture, y, x;
};

GM_INLINE Tile tile_at(const Tiling& tiling, int64_t index) {
  const int64_t within = index % tiling.per_picture();
  return {index / tiling.per_picture(), within / tiling.columns * kTile,
          within % tiling.columns * kTile};
}

/// Six vectors.
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
GM_INLINE Six transform_taps(const Three& w) {
  const Lanes even_a = kWeightA * (w.v[0] + 0.5F * w.v[2]), odd_a = (kWeightA * kA) * w.v[1];
  const Lanes even_b = kWeightB * (w.v[0] + 2.0F * w.v[2]), odd_b = (kWeightB * kB) * w.v[1];
  return {{w.v[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, w.v[2]}};
}

/// G^T u.
GM_INLINE Three fold_taps(const Six& u) {
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

/// What lies outside of a picture. Read from memory like a pixel: known zeros would make compilers
/// take the products with them out of the sums that follow, and so spoil the fused instructions.
alignas(4 * kLanes) constexpr float kOutside[kLanes] = {};

/// Where to read the pixel at x of a `row`, which may be outside as a whole.
GM_INLINE const float* pixel(const float* row, int64_t x, int64_t width, int64_t channels) {
  return row != kOutside && x >= 0 && x < width ? row + x * channels : kOutside;
}

/// B^T x B of the window around a tile, for all channels of a part: element e of channel c goes to
/// to[e * step + c]. `inside`: known to be one within the picture.
template <bool inside>
GM_INLINE void window(const ChannelPart<const float>& part, const Tiling& size, const Tile& tile,
                      float* to, int64_t step) {
  const int64_t channels = part.channels;
  const float* picture = part.data + tile.picture * size.height * size.width * channels;
  for (int64_t c = 0; c < channels; c += kLanes) {
    Six half[kWindow];
#pragma GCC unroll 6
    for (int64_t i = 0; i < kWindow; ++i) {
      const int64_t y = tile.y - 1 + i;
      const bool is_row = inside || (y >= 0 && y < size.height);
      const float* row = is_row ? picture + y * size.width * channels + c : kOutside;
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

/// The windows of `count` tiles from `first` on, to [36,count,C].
GM_KERNEL void transform_windows(const Pictures<const float>& x, const Tiling& tiling,
                                 int64_t first, int64_t count, float* to) {
  const int64_t channels = x.channels(), step = element_stride(count * channels);
  for (int64_t t = 0; t < count; ++t, to += channels) {
    const Tile tile = tile_at(tiling, first + t);
    const bool inside =
        tile.y > 0 && tile.y + kTile < tiling.height && tile.x > 0 && tile.x + kTile < tiling.width;
    float* part_to = to;
    for (const auto& part : x.parts) {
      if (inside) {
        window<true>(part, tiling, tile, part_to, step);
      } else {
        window<false>(part, tiling, tile, part_to, step);
      }
      part_to += part.channels;
    }
  }
}

/// A^T m A + bias of a tile, for all channels of a part, from products as windows are laid out.
template <bool inside>
GM_INLINE void result(const float* from, int64_t step, const float* bias, const Tiling& size,
                      const Tile& tile, const ChannelPart<float>& part) {
  const int64_t channels = part.channels;
  const int64_t rows = inside ? kTile : std::min(kTile, size.height - tile.y);
  const int64_t columns = inside ? kTile : std::min(kTile, size.width - tile.x);
  float* to = part.data + ((tile.picture * size.height + tile.y) * size.width + tile.x) * channels;
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

/// The results of `count` tiles from `first` on, of [36,count,C].
GM_KERNEL void transform_results(const float* from, const float* bias, const Tiling& tiling,
                                 int64_t first, int64_t count, const Pictures<float>& y) {
  const int64_t channels = y.channels(), step = element_stride(count * channels);
  for (int64_t t = 0; t < count; ++t, from += channels) {
    const Tile tile = tile_at(tiling, first + t);
    const bool inside = tile.y + kTile <= tiling.height && tile.x + kTile <= tiling.width;
    int64_t begin = 0;
    for (const auto& part : y.parts) {
      const float* part_bias = bias ? bias + begin : nullptr;
      if (inside) {
        result<true>(from + begin, step, part_bias, tiling, tile, part);
      } else {
        result<false>(from + begin, step, part_bias, tiling, tile, part);
      }
      begin += part.channels;
    }
  }
}

/// A dy A^T of a tile, for all channels: element e of channel c goes to to[e * step + c]. Adds the
/// sum of the tile to `sums`.
template <bool inside>
GM_INLINE void gradient(const ChannelPart<const float>& part, const Tiling& size, const Tile& tile,
                        float* to, int64_t step, float* sums) {
  const int64_t channels = part.channels;
  const float* picture = part.data + tile.picture * size.height * size.width * channels;
  for (int64_t c = 0; c < channels; c += kLanes) {
    Six half[kTile];
    Lanes total = {};
#pragma GCC unroll 4
    for (int64_t i = 0; i < kTile; ++i) {
      const bool is_row = inside || tile.y + i < size.height;
      const float* row = is_row ? picture + (tile.y + i) * size.width * channels + c : kOutside;
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

GM_KERNEL void transform_gradients(const Pictures<const float>& dy, const Tiling& tiling,
                                   int64_t first, int64_t count, float* to, float* dbias) {
  const int64_t channels = dy.channels(), step = element_stride(count * channels);
  for (int64_t t = 0; t < count; ++t, to += channels) {
    const Tile tile = tile_at(tiling, first + t);
    if (tile.y + kTile <= tiling.height && tile.x + kTile <= tiling.width) {
      gradient<true>(dy.parts[0], tiling, tile, to, step, dbias);
    } else {
      gradient<false>(dy.parts[0], tiling, tile, to, step, dbias);
    }
  }
}

/// G w G^T of the taps w[t] = taps[t * tap_stride], to form[e * step].
GM_INLINE void transform_taps_at(const float* taps, int64_t tap_stride, float* form, int64_t step) {
  Six half[3];
#pragma GCC unroll 3
  for (int64_t i = 0; i < 3; ++i) {
    const float* row = taps + 3 * i * tap_stride;
    half[i] = transform_taps({{load(row), load(row + tap_stride), load(row + 2 * tap_stride)}});
  }
#pragma GCC unroll 6
  for (int64_t j = 0; j < kWindow; ++j) {
    const Six column = transform_taps({{half[0].v[j], half[1].v[j], half[2].v[j]}});
#pragma GCC unroll 6
    for (int64_t i = 0; i < kWindow; ++i) store(form + (i * kWindow + j) * step, column.v[i]);
  }
}

/// Where row k of the panel that holds column j begins, in the form's matrix [rows,columns]; the
/// last panel may be half as wide.
struct Panels {
  int64_t rows, columns;

  int64_t width(int64_t j) const { return std::min(kPanel, columns - j / kPanel * kPanel); }
  int64_t at(int64_t k, int64_t j) const {
    return j / kPanel * kPanel * rows + k * width(j) + j % kPanel;
  }
};

/// Rows [begin,end) of a form whose taps lie at taps[t * tap_stride + k * row_stride + j].
GM_KERNEL void transform_rows(const float* taps, int64_t tap_stride, int64_t row_stride,
                              const Panels& panels, int64_t begin, int64_t end, float* form) {
  for (int64_t k = begin; k < end; ++k) {
    for (int64_t j = 0; j < panels.columns; j += kLanes) {
      transform_taps_at(taps + k * row_stride + j, tap_stride, form + panels.at(k, j),
                        element_stride(panels.rows * panels.columns));
    }
  }
}

GM_KERNEL void fold_rows(const float* dforms, int64_t shares, int64_t in, int64_t out,
                         int64_t begin, int64_t end, float* dweight) {
  const int64_t step = element_stride(in * out);
  for (int64_t o = begin; o < end; ++o) {
    for (int64_t c = 0; c < in; c += kLanes) {
      const float* from = dforms + o * in + c;
      float* to = dweight + o * 9 * in + c;
      Three half[kWindow];
#pragma GCC unroll 6
      for (int64_t i = 0; i < kWindow; ++i) {
        Six row;
#pragma GCC unroll 6
        for (int64_t j = 0; j < kWindow; ++j) {
          const float* element = from + (i * kWindow + j) * step;
          row.v[j] = load(element);
          for (int64_t share = 1; share < shares; ++share) {
            row.v[j] += load(element + share * kElements * step);
          }
        }
        half[i] = fold_taps(row);
      }
#pragma GCC unroll 3
      for (int64_t j = 0; j < 3; ++j) {
        const Three column = fold_taps(
            {{half[0].v[j], half[1].v[j], half[2].v[j], half[3].v[j], half[4].v[j], half[5].v[j]}});
        for (int64_t i = 0; i < 3; ++i) store(to + (3 * i + j) * in, column.v[i]);
      }
    }
  }
}

}  // namespace

/// An odd number of a cache's lines of 16 floats, lest all 36 elements fall into the same few sets
/// of a cache.
int64_t element_stride(int64_t count) { return ((count + 15) / 16 | 1) * 16; }

void transform_weight(const float* taps, int64_t in, int64_t out, int64_t begin, int64_t end,
                      float* form) {
  transform_rows(taps, in * out, out, {in, out}, begin, end, form);
}

void transform_weight_backward(const float* weight, int64_t in, int64_t out, int64_t begin,
                               int64_t end, float* form) {
  // The gradient comes to a pixel through the taps turned by half a turn: in reverse order.
  transform_rows(weight + 8 * in, -in, 9 * in, {out, in}, begin, end, form);
}

int64_t scratch_size(int64_t in, int64_t out) {
  const int64_t block = block_of(in + out);
  return kElements * (element_stride(block * in) + element_stride(block * out));
}

void convolve(const Pictures<const float>& x, int64_t count, const float* form, const float* bias,
              const Pictures<float>& y, float* scratch) {
  const Tiling tiling = {x.height, x.width};
  const int64_t in = x.channels(), out = y.channels();
  const int64_t tiles = count * tiling.per_picture(), block = block_of(in + out);
  float* windows = scratch;
  float* products = scratch + kElements * element_stride(block * in);
  const Panels panels = {in, out};
  for (int64_t first = 0; first < tiles; first += block) {
    const int64_t n = std::min(block, tiles - first);
    transform_windows(x, tiling, first, n, windows);
    for (int64_t e = 0; e < kElements; ++e) {
      for (int64_t j = 0; j < out; j += kPanel) {
        const int64_t width = panels.width(j);
        set_product(n, width, in, {windows + e * element_stride(n * in), in},
                    form + e * element_stride(in * out) + panels.at(0, j), width,
                    products + e * element_stride(n * out) + j, out);
      }
    }
    transform_results(products, bias, tiling, first, n, y);
  }
}

void weight_gradient(const Pictures<const float>& x, const Pictures<const float>& dy, int64_t count,
                     float* dform, float* dbias, float* scratch) {
  const Tiling tiling = {x.height, x.width};
  const int64_t in = x.channels(), out = dy.channels();
  const int64_t tiles = count * tiling.per_picture(), block = block_of(in + out);
  float* windows = scratch;
  float* gradients = scratch + kElements * element_stride(block * in);
  std::fill_n(dbias, out, 0.0F);
  for (int64_t first = 0; first < tiles; first += block) {
    const int64_t n = std::min(block, tiles - first);
    transform_windows(x, tiling, first, n, windows);
    transform_gradients(dy, tiling, first, n, gradients, dbias);
    for (int64_t e = 0; e < kElements; ++e) {
      const MatrixView gradient = {gradients + e * element_stride(n * out), out};
      const auto product = first == 0 ? set_product : add_product;
      product(out, in, n, gradient.transposed(), windows + e * element_stride(n * in), in,
              dform + e * element_stride(out * in), in);
    }
  }
}

void fold_weight_gradient(const float* dforms, int64_t shares, int64_t in, int64_t out,
                          int64_t begin, int64_t end, float* dweight) {
  fold_rows(dforms, shares, in, out, begin, end, dweight);
}

}  // namespace gm::ops::GM_KERNEL_SET::winograd
