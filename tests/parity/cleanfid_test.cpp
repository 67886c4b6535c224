// Compares features, FID and KID with clean-fid (cleanfid_answers.py).
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <fstream>
#include <sstream>

#include "answers.h"
#include "base/sha256.h"
#include "checkpoint/safetensors.h"
#include "counter_values.h"
#include "eval/feature_moments.h"
#include "eval/frechet_distance.h"
#include "eval/inception.h"
#include "eval/kernel_distance.h"
#include "support/temporary_folder.h"

namespace gm::parity {
namespace {

constexpr int64_t kCleanFidImages = 24, kCleanFidSide = 32;

/// The network of the script, saved to `file`. Returns its SHA-256.
std::string save_small_inception(const std::filesystem::path& file) {
  torch::jit::Module layers("Layers");
  layers.register_parameter("weight", counter_uniform(0, kWeights, 0, {8, 3, 14, 14}, -0.1, 0.1),
                            /*is_buffer=*/false);
  layers.define(R"(
def forward(self, x):
    return torch.flatten(torch.relu(torch.conv2d(x, self.weight, None, [19, 19])), 1)
)");
  torch::jit::Module network("Network");
  network.register_module("layers", layers);
  network.define("def forward(self, x):\n    return self.layers.forward((x - 128) / 128)\n");
  std::ostringstream content;
  network.save(content);
  std::ofstream(file, std::ios::binary) << content.str();
  return sha256(content.str());
}

/// The images of set number `number`: uniform noise from 0 to `largest`, in [-1,1].
at::Tensor clean_fid_images(uint64_t number, uint32_t largest) {
  CounterRng random(0, kInputs, number);
  at::Tensor images = at::empty({kCleanFidImages, 3, kCleanFidSide, kCleanFidSide}, at::kFloat);
  std::generate_n(images.data_ptr<float>(), images.numel(), [&] {
    const uint32_t pixel = (random.next() >> 16) * largest >> 16;
    return static_cast<float>(pixel) / 127.5F - 1;
  });
  return images;
}

class CleanFidParity : public testing::Test {
 protected:
  CleanFidParity() {
    const auto file = folder_ / "inception-2015-12-05.pt";
    const std::string hash = save_small_inception(file);
    const auto network = make_inception(
        {.kind = ExtractorKind::kInception, .file = {}, .trusted = {hash}, .cache = folder_.path()},
        at::kCPU);
    for (const auto& [number, largest] : {std::pair(0, 256), std::pair(1, 230)}) {
      features_.push_back(network->features(
          clean_fid_images(static_cast<uint64_t>(number), static_cast<uint32_t>(largest))));
    }
  }

  FeatureStatistics statistics(size_t set) {
    FeatureMoments moments(features_.at(set).size(1));
    moments.add(features_.at(set));
    return moments.of_all_ranks(alone_);
  }

  TemporaryFolder folder_;
  TensorMap answers_ = load_safetensors(answer("cleanfid.safetensors"));
  std::vector<at::Tensor> features_;
  SelfCommunicator alone_;
};

TEST_F(CleanFidParity, FeaturesAgree) {
  for (size_t set : {0U, 1U}) {
    const at::Tensor expected = answers_.at("features." + std::to_string(set));
    const at::Tensor actual = features_.at(set).slice(1, 0, std::nullopt, 16);
    EXPECT_LE((actual - expected).abs().max().item<double>(), 1e-4);
  }
}

TEST_F(CleanFidParity, DistancesAgree) {
  const double fid = answers_.at("fid").item<double>(), kid = answers_.at("kid").item<double>();
  EXPECT_NEAR(frechet_distance(statistics(0), statistics(1)), fid, 1e-3);
  EXPECT_NEAR(kernel_distance_of_subsets(features_[0], features_[1], 0, alone_), kid, 1e-3 * kid);
  EXPECT_NEAR(kernel_distance(features_[0], features_[1], alone_).value, kid, 1e-3 * kid);
}

}  // namespace
}  // namespace gm::parity
