// Feature extractors: the same features for equal images, and files that cannot be used.
#include "eval/feature_extractor.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "eval/efficientnet_lite0.h"
#include "eval/random_features.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class FeatureExtractorTest : public testing::Test {
 protected:
  /// Expects that the file of `kind` is refused.
  template <class Matcher>
  void expect_refused(ExtractorKind kind, const std::vector<std::string>& trusted,
                      const Matcher& message) {
    expect_error<InputError>(
        [&] {
          make_feature_extractor(
              {.kind = kind, .file = {}, .trusted = trusted, .cache = folder_.path()}, at::kCPU,
              alone_);
        },
        message);
  }

  TemporaryFolder folder_;
  SelfCommunicator alone_;
};

TEST_F(FeatureExtractorTest, RandomFeaturesDependOnTheImageAlone) {
  RandomFeatures network(at::kCPU);
  const at::Tensor images = at::rand({5, 3, 24, 24}) * 2 - 1;
  const at::Tensor all = network.features(images);
  EXPECT_EQ(all.sizes(), at::IntArrayRef({5, network.dimension()}));
  EXPECT_TRUE(at::allclose(network.features(images.narrow(0, 3, 1))[0], all[3], 1e-5, 1e-6));
  EXPECT_GT((all[0] - all[1]).abs().max().item<double>(), 1e-3);
  EXPECT_EQ(network.features(images.narrow(0, 0, 0)).size(0), 0);
}

TEST_F(FeatureExtractorTest, AGreyImageHasTheFeaturesOfItsRgbCopy) {
  RandomFeatures network(at::kCPU);
  const at::Tensor grey = at::rand({2, 1, 28, 28}) * 2 - 1;
  EXPECT_TRUE(network.features(grey).equal(network.features(grey.expand({2, 3, 28, 28}))));
}

TEST_F(FeatureExtractorTest, ImagesCountAsTheir8BitFiles) {
  RandomFeatures network(at::kCPU);
  const at::Tensor image = at::full({1, 3, 32, 32}, 0.5F);
  EXPECT_TRUE(network.features(image).equal(network.features(image + 0.001)));
  EXPECT_TRUE(network.features(image * 4).equal(network.features(at::ones_like(image))));
}

TEST_F(FeatureExtractorTest, MissingFilesAreNamedWithTheirSource) {
  expect_refused(
      ExtractorKind::kLite0, {},
      AllOf(HasSubstr("efficientnet_lite0.safetensors"), HasSubstr("launch/lite0_weights.py")));
  expect_refused(
      ExtractorKind::kInception, {},
      AllOf(HasSubstr((folder_ / "inception-2015-12-05.pt").string()), HasSubstr("https://")));
}

TEST_F(FeatureExtractorTest, CodeIsLoadedOnlyIfTheUserTrustsIt) {
  const std::string content = "not a network";
  write_file_atomically(folder_ / "inception-2015-12-05.pt", content);
  expect_refused(ExtractorKind::kInception, {}, HasSubstr("--trust " + sha256(content)));
  expect_refused(ExtractorKind::kInception, {std::string(64, '0')}, HasSubstr("--trust"));
  expect_refused(ExtractorKind::kInception, {std::string(64, '0'), sha256(content)},
                 HasSubstr("not a TorchScript"));
}

TEST_F(FeatureExtractorTest, OtherWeightsAreRefused) {
  expect_error<InputError>([] { EfficientNetLite0({}, "", at::kCPU); },
                           HasSubstr("lack the tensor _bn0.running_var"));
  expect_error<InputError>(
      [] {
        EfficientNetLite0({{"_bn0.running_var", at::ones({3})}}, "", at::kCPU);
      },
      HasSubstr("of another shape"));
  const char header[] = "\2\0\0\0\0\0\0\0{}";
  write_file_atomically(folder_ / "efficientnet_lite0.safetensors", {header, sizeof header - 1});
  expect_refused(ExtractorKind::kLite0, {}, HasSubstr("not the weights of EfficientNet-Lite0"));
}

}  // namespace
}  // namespace gm
