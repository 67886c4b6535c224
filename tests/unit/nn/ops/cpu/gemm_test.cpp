#include "nn/ops/cpu/gemm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "nn/ops/cpu/simd.h"
#include "support/kernel_test.h"

namespace gm::ops::GM_KERNEL_SET {
namespace {

float* data_of(const at::Tensor& x) { return x.mutable_data_ptr<float>(); }

GM_KERNEL_TEST(Product, AgreesForEveryNumberOfRowsAndEitherOrientation) {
  for (int64_t m = 1; m <= 13; ++m) {
    for (const int64_t n : {8, 16, 24, 40}) {
      for (const int64_t k : {1, 7, 48}) {
        const at::Tensor a = at::randn({m, k}), b = at::randn({k, n}), c = at::randn({m, n});
        const at::Tensor expected = c + at::matmul(a, b);
        const at::Tensor columns = a.t().contiguous(), sum = c.clone(), product = c.clone();
        gemm_add(m, n, k, {data_of(a), k}, data_of(b), n, data_of(sum), n);
        gemm(m, n, k, MatrixView{data_of(columns), m}.transposed(), data_of(b), n, data_of(product),
             n);
        EXPECT_TRUE(sum.allclose(expected, 1e-4, 1e-5)) << m << ' ' << n << ' ' << k;
        EXPECT_TRUE(product.allclose(expected - c, 1e-4, 1e-5)) << m << ' ' << n << ' ' << k;
      }
    }
  }
}

GM_KERNEL_TEST(Transpose, AgreesForWholeAndPartialBlocksOfRows) {
  for (const int64_t rows : {1, 7, 8, 19}) {
    for (const int64_t columns : {1, 5, 16}) {
      const at::Tensor from = at::randn({rows, columns}), to = at::zeros({columns, rows + 3});
      transpose(rows, columns, data_of(from), columns, data_of(to), rows + 3);
      EXPECT_TRUE(to.narrow(1, 0, rows).equal(from.t()));
      EXPECT_TRUE(to.narrow(1, rows, 3).eq(0).all().item<bool>());
    }
  }
}

GM_KERNEL void exp_of(const float* x, int64_t count, float* y) {
  for (int64_t i = 0; i < count; i += kLanes) store(y + i, exp(load(x + i)));
}

GM_KERNEL_TEST(Exp, IsAccurateToTwoUlpOverItsRange) {
  const at::Tensor x = at::linspace(-87, 88, 1 << 20);
  const at::Tensor y = at::empty_like(x);
  exp_of(data_of(x), x.numel(), data_of(y));
  const at::Tensor exact = x.to(at::kDouble).exp();
  EXPECT_LT(((y - exact) / exact).abs().max().item<double>(), 2 * 0x1p-23);
}

GM_KERNEL_TEST(Exp, IsClampedOutsideItsRange) {
  const at::Tensor x = at::tensor({-1e30F, -1000.0F, -88.0F, 0.0F, 1.0F, 89.0F, 1e4F, 1e30F});
  const at::Tensor y = at::empty_like(x);
  exp_of(data_of(x), x.numel(), data_of(y));
  EXPECT_TRUE(y.isfinite().all().item<bool>());
  EXPECT_LT(y[0].item<float>(), 2e-38F);
  EXPECT_EQ(y[3].item<float>(), 1.0F);
}

GM_KERNEL_TEST(Exp, PropagatesNaN) {
  const at::Tensor x = at::full({kLanes}, std::numeric_limits<float>::quiet_NaN());
  for (const at::Tensor& nan : {x, -x, x * 3 - 1}) {
    const at::Tensor y = at::empty_like(x);
    exp_of(data_of(nan), nan.numel(), data_of(y));
    EXPECT_TRUE(y.isnan().all().item<bool>());
  }
}

}  // namespace
}  // namespace gm::ops::GM_KERNEL_SET
