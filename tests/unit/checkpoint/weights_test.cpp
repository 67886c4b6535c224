// Only a network's own weights get into it.
#include "checkpoint/weights.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class WeightsTest : public ::testing::Test {
 protected:
  template <class Matcher>
  void expect_refused(const TensorMap& weights, const Matcher& message) {
    expect_error<InputError>(
        [&] { load_weights(parameters_, weights, "w.safetensors"); },
        AllOf(HasSubstr("w.safetensors: weights of another network"), message));
    EXPECT_TRUE(parameters_[0].second.equal(at::zeros({2, 3})));
    EXPECT_TRUE(parameters_[1].second.equal(at::zeros({2})));
  }

  NamedTensors parameters_{{"conv.weight", at::zeros({2, 3}).requires_grad_()},
                           {"conv.bias", at::zeros({2}).requires_grad_()}};
};

TEST_F(WeightsTest, AreCopiedIntoTheParameters) {
  const void* const memory = parameters_[0].second.data_ptr();
  load_weights(parameters_,
               {{"conv.weight", at::ones({2, 3})}, {"conv.bias", at::full({2}, 2, at::kDouble)}},
               "w.safetensors");
  EXPECT_EQ(parameters_[0].second.data_ptr(), memory);
  EXPECT_TRUE(parameters_[0].second.equal(at::ones({2, 3})));
  EXPECT_TRUE(parameters_[1].second.equal(at::full({2}, 2.0F)));
  EXPECT_FALSE(parameters_[0].second.grad_fn());
}

TEST_F(WeightsTest, MissingTensorsAreNamed) {
  expect_refused({{"conv.weight", at::ones({2, 3})}}, HasSubstr("missing: conv.bias"));
}

TEST_F(WeightsTest, UnexpectedTensorsAreNamed) {
  expect_refused(
      {{"conv.weight", at::ones({2, 3})}, {"conv.bias", at::ones({2})}, {"other", at::ones({1})}},
      HasSubstr("unexpected: other"));
}

TEST_F(WeightsTest, TensorsOfAnotherShapeAreNamedWithBothShapes) {
  expect_refused({{"conv.weight", at::ones({2, 4})}, {"conv.bias", at::ones({2})}},
                 HasSubstr("of another shape: conv.weight is [2,4], here [2,3]"));
}

TEST_F(WeightsTest, AForeignFileIsDescribedShortly) {
  TensorMap foreign;
  for (int i = 0; i < 300; ++i) foreign["layer" + std::to_string(i)] = at::ones({1});
  expect_refused(foreign, AllOf(HasSubstr("missing: conv.weight, conv.bias"),
                                HasSubstr("unexpected: layer0, layer1, layer10, layer100, layer101 "
                                          "and 295 more")));
}

TEST_F(WeightsTest, GoThereAndBack) {
  const TensorMap saved = weights_of(parameters_);
  EXPECT_FALSE(saved.at("conv.bias").requires_grad());
  EXPECT_EQ(saved.at("conv.bias").data_ptr(), parameters_[1].second.data_ptr());
  load_weights(parameters_, saved, "w.safetensors");
}

}  // namespace
}  // namespace gm
