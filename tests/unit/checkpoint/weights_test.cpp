// A network accepts only weights with its own names and shapes.
#include "checkpoint/weights.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
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

  /// The network's weights with one value for all, and a prefix before every name.
  static TensorMap behind(const std::string& prefix, float value = 1) {
    return {{prefix + "conv.weight", at::full({2, 3}, value)},
            {prefix + "conv.bias", at::full({2}, value)}};
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

TEST_F(WeightsTest, TheErrorForAForeignFileIsShort) {
  TensorMap foreign;
  for (int i = 0; i < 300; ++i) foreign["layer" + std::to_string(i)] = at::ones({1});
  expect_refused(foreign, AllOf(HasSubstr("missing: conv.weight, conv.bias"),
                                HasSubstr("unexpected: layer0, layer1, layer10, layer100, layer101 "
                                          "and 295 more")));
}

TEST_F(WeightsTest, AreFoundBehindAnyPrefix) {
  for (const std::string prefix :
       {"module.", "_orig_mod.", "model.", "module._orig_mod.", "ema_model.model.", "net."}) {
    const auto [weights, remark] = find_weights(parameters_, behind(prefix), "w.safetensors");
    load_weights(parameters_, weights, "w.safetensors");
    EXPECT_EQ(remark, "w.safetensors: removed the prefix " + prefix + " from every name");
  }
  EXPECT_TRUE(parameters_[0].second.equal(at::ones({2, 3})));
}

TEST_F(WeightsTest, NamesWithoutAPrefixAreLeftAlone) {
  const auto [weights, remark] = find_weights(parameters_, behind(""), "w.safetensors");
  load_weights(parameters_, weights, "w.safetensors");
  EXPECT_EQ(remark, "");
}

TEST_F(WeightsTest, OtherTensorsThanThoseBehindThePrefixAreLeftOutAndNamed) {
  TensorMap file = behind("module.model.");
  file["n_averaged"] = file["module.betas"] = at::ones({1});
  const auto [weights, remark] = find_weights(parameters_, file, "w.safetensors");
  load_weights(parameters_, weights, "w.safetensors");
  EXPECT_THAT(remark, HasSubstr("prefix module.model. from every name; left out: module.* (1), "
                                "n_averaged"));
}

TEST_F(WeightsTest, TheAveragedNetworkOfAnEmaPytorchFileIsUsed) {
  TensorMap file = behind("ema_model.", 5);
  file.merge(behind("online_model.", 7));
  file["initted"] = file["step"] = at::ones({1});
  const auto [weights, remark] = find_weights(parameters_, file, "w.safetensors");
  load_weights(parameters_, weights, "w.safetensors");
  EXPECT_TRUE(parameters_[0].second.equal(at::full({2, 3}, 5.0F)));
  EXPECT_THAT(remark, AllOf(HasSubstr("ema_model."),
                            EndsWith("left out: initted, online_model.* (2), step")));
}

TEST_F(WeightsTest, AFileWithTwoNetworksIsRefusedAndBothPrefixesAreNamed) {
  TensorMap file = behind("student.");
  file.merge(behind("teacher."));
  expect_error<InputError>([&] { find_weights(parameters_, file, "w.safetensors"); },
                           HasSubstr("w.safetensors: holds 2 networks, with the prefixes "
                                     "\"student.\", \"teacher.\""));
}

TEST_F(WeightsTest, MissingAndUnexpectedTensorsBehindAPrefixAreNamed) {
  TensorMap file = behind("module.");
  file["module.other"] = at::ones({1});
  expect_refused(find_weights(parameters_, file, "w.safetensors").weights,
                 HasSubstr("unexpected: other"));
  file = behind("module.");
  file.erase("module.conv.bias");
  expect_refused(find_weights(parameters_, file, "w.safetensors").weights,
                 HasSubstr("missing: conv.bias"));
}

TEST_F(WeightsTest, NonFiniteValuesAreNamedAndCounted) {
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kFloat, at::kDouble}) {
    for (const double wrong : {double{NAN}, HUGE_VAL, -HUGE_VAL}) {
      at::Tensor kernel = at::ones({2, 3}, type);
      kernel[1].fill_(wrong);
      const TensorMap weights{{"conv.weight", kernel}, {"conv.bias", at::ones({2}, type)}};
      expect_error<InputError>(
          [&] { require_finite(weights, "w.safetensors"); },
          HasSubstr("w.safetensors: NaN or infinity in conv.weight (3 of 6 values)"));
    }
  }
  // Finite in the file's float64, but not in the network's float32.
  expect_error<InputError>(
      [&] {
        require_finite({{"conv.bias", at::full({2}, 1e300, at::kDouble)}}, "w.safetensors");
      },
      HasSubstr("conv.bias (2 of 2 values)"));
  require_finite(
      {{"conv.bias", at::full({2}, 3e38, at::kDouble)}, {"step", at::ones({1}, at::kLong)}},
      "w.safetensors");
}

TEST_F(WeightsTest, CanBeSavedAndLoadedAgain) {
  const TensorMap saved = weights_of(parameters_);
  EXPECT_FALSE(saved.at("conv.bias").requires_grad());
  EXPECT_EQ(saved.at("conv.bias").data_ptr(), parameters_[1].second.data_ptr());
  load_weights(parameters_, saved, "w.safetensors");
}

}  // namespace
}  // namespace gm
