#include "nn/ops/cpu/head_softmax.h"

namespace gm::ops::GM_KERNEL_SET {

namespace {

GM_INLINE float largest(const float* values, int64_t count) {
  Lanes highest = load(values);
  for (int64_t c = kLanes; c < count; c += kLanes) highest = max(highest, load(values + c));
  return max(highest);
}

template <bool small>
GM_INLINE void softmax(float* head, int64_t d) {
  const float maximum = small ? 0.0F : largest(head, d);
  Lanes sums = {};
  for (int64_t c = 0; c < d; c += kLanes) {
    const Lanes e = small ? exp_within_range(load(head + c)) : exp(load(head + c) - maximum);
    store(head + c, e);
    sums += e;
  }
  const float inverse = 1.0F / sum(sums);
  for (int64_t c = 0; c < d; c += kLanes) store(head + c, load(head + c) * inverse);
}

}  // namespace

GM_KERNEL void softmax_heads(float* q, int64_t count, int64_t d, bool small) {
  for (float* head = q; head < q + count; head += d) {
    small ? softmax<true>(head, d) : softmax<false>(head, d);
  }
}

GM_KERNEL void softmax_heads_backward(const float* q, float* dq, int64_t count, int64_t d) {
  for (int64_t at = 0; at < count; at += d) {
    Lanes products = {};
    for (int64_t c = at; c < at + d; c += kLanes) products += load(q + c) * load(dq + c);
    const float center = sum(products);
    for (int64_t c = at; c < at + d; c += kLanes) {
      store(dq + c, load(q + c) * (load(dq + c) - center));
    }
  }
}

GM_KERNEL void softmax_pixels_block(float* k, int64_t rows, int64_t width, float* sums) {
  for (int64_t c = 0; c < width; c += kLanes) {
    Lanes total = load(sums + c);
    for (int64_t p = 0; p < rows; ++p) {
      const Lanes e = exp_within_range(load(k + p * width + c));
      store(k + p * width + c, e);
      total += e;
    }
    store(sums + c, total);
  }
}

GM_KERNEL void softmax_pixels_block(float* k, int64_t rows, int64_t width, float* maxima,
                                    float* sums, float* rescale) {
  for (int64_t c = 0; c < width; c += kLanes) {
    const Lanes old_maximum = load(maxima + c);
    Lanes maximum = old_maximum;
    for (int64_t p = 0; p < rows; ++p) maximum = max(maximum, load(k + p * width + c));
    const Lanes factor = exp(old_maximum - maximum);
    Lanes total = load(sums + c) * factor;
    for (int64_t p = 0; p < rows; ++p) {
      const Lanes e = exp(load(k + p * width + c) - maximum);
      store(k + p * width + c, e);
      total += e;
    }
    store(maxima + c, maximum);
    store(sums + c, total);
    store(rescale + c, factor);
  }
}

GM_KERNEL void softmax_pixels(float* k, int64_t rows, int64_t width, const float* log_sums,
                              bool small) {
  for (int64_t p = 0; p < rows; ++p, k += width) {
    for (int64_t c = 0; c < width; c += kLanes) {
      const Lanes logarithm = load(k + c) - load(log_sums + c);
      store(k + c, small ? exp_within_range(logarithm) : exp(logarithm));
    }
  }
}

GM_KERNEL void softmax_pixels_backward(const float* k, float* dk, int64_t rows, int64_t width,
                                       const float* centers) {
  for (int64_t at = 0; at < rows * width; at += width) {
    for (int64_t c = 0; c < width; c += kLanes) {
      store(dk + at + c, load(k + at + c) * (load(dk + at + c) - load(centers + c)));
    }
  }
}

}  // namespace gm::ops::GM_KERNEL_SET
