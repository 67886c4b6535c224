#include "nn/ops/attention.h"

#include <limits>

#include "unit/nn/ops/agreement.h"

namespace gm::ops {
namespace {

struct AttentionCase {
  int64_t images, channels, height, width, heads, head_channels;
};

/// Numbers of pixels that are multiples of the vector length and others; a single pixel; other
/// numbers of heads; numbers of channels that only the plain form supports.
const AttentionCase kAttentionCases[] = {
    {3, 128, 4, 4, 4, 32}, {2, 16, 8, 8, 4, 32}, {1, 24, 7, 7, 4, 32}, {2, 32, 5, 3, 3, 16},
    {5, 8, 1, 1, 4, 32},   {2, 6, 4, 4, 4, 32},  {2, 8, 3, 3, 2, 12}};

void PrintTo(const AttentionCase& c, std::ostream* out) {
  *out << c.images << 'x' << c.channels << 'x' << c.height << 'x' << c.width << ", " << c.heads
       << " heads of " << c.head_channels;
}

Tensors attention_inputs(const AttentionCase& c) {
  const int64_t width = c.heads * c.head_channels;
  return {images({c.images, c.channels, c.height, c.width}),
          at::randn({3 * width, c.channels, 1, 1}), at::randn({c.channels, width, 1, 1}),
          at::randn({c.channels})};
}

auto call(const decltype(attention)& f, int64_t heads) {
  return [&f, heads](const Tensors& in) { return f(in[0], in[1], in[2], in[3], heads); };
}

class Attention : public testing::TestWithParam<AttentionCase> {};

INSTANTIATE_TEST_SUITE_P(Cases, Attention, testing::ValuesIn(kAttentionCases));

TEST_P(Attention, AgreesWithThePlainForm) {
  const AttentionCase& c = GetParam();
  at::manual_seed(1);
  for (const int threads : {1, 2}) {
    const Threads limit(threads);
    expect_agreement(call(attention, c.heads), call(attention_plain, c.heads), attention_inputs(c),
                     1e-5);
  }
}

/// A channel of zeros cannot be normalized. Its gradient must stay finite.
TEST(AttentionKernel, HandlesChannelsOfZeros) {
  Tensors in = attention_inputs({2, 8, 4, 4, 4, 32});
  in[1].narrow(0, 5, 1).zero_();
  for (const Tensor& result : run(call(attention, 4), in, at::kFloat)) {
    EXPECT_TRUE(result.isfinite().all().item<bool>());
  }
}

TEST(AttentionKernel, PropagatesNaN) {
  Tensors in = attention_inputs({2, 16, 4, 4, 4, 32});
  in[0][1][3][2][1] = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = call(attention, 4)(in);
  EXPECT_TRUE(y[0].isfinite().all().item<bool>());
  EXPECT_TRUE(y[1].isnan().any().item<bool>());
}

}  // namespace
}  // namespace gm::ops
