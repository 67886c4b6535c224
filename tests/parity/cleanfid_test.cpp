// Compares features, FID and KID with clean-fid (cleanfid_answers.py), from folders of PNG files to
// the figures.
#include <ATen/ATen.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <array>
#include <fstream>
#include <sstream>

#include "answers.h"
#include "base/sha256.h"
#include "checkpoint/safetensors.h"
#include "counter_values.h"
#include "data/pack/pack.h"
#include "data/read_images.h"
#include "eval/feature_moments.h"
#include "eval/frechet_distance.h"
#include "eval/inception.h"
#include "eval/kernel_distance.h"
#include "support/png.h"
#include "support/temporary_folder.h"

namespace gm::parity {
namespace {

/// A case of the script, in its order.
struct CleanFidCase {
  int64_t side, channels, images;
  int64_t compared;  ///< Values of a feature.

  std::string name() const { return fmt::format("{}x{}", side, channels); }
};
constexpr std::array<CleanFidCase, 10> kCleanFidCases{{{28, 3, 12, 256},
                                                       {28, 1, 12, 256},
                                                       {32, 3, 24, 2048},
                                                       {32, 1, 12, 256},
                                                       {64, 3, 12, 256},
                                                       {64, 1, 12, 256},
                                                       {299, 3, 6, 256},
                                                       {299, 1, 6, 256},
                                                       {512, 3, 6, 256},
                                                       {512, 1, 6, 256}}};
constexpr std::array<int64_t, 2> kCleanFidLargest{256, 230};

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

/// Random numbers from 0 to 127: int64 [n].
at::Tensor clean_fid_numbers(size_t index, uint64_t draw, int64_t count) {
  CounterRng random(index, kInputs, draw);
  const at::Tensor numbers = at::empty({count}, at::kLong);
  std::generate_n(numbers.mutable_data_ptr<int64_t>(), count, [&] { return random.next() >> 25; });
  return numbers;
}

/// The images of the script: uint8 [n,H,W,C].
at::Tensor clean_fid_pixels(size_t index, size_t set) {
  const auto& [side, channels, images, compared] = kCleanFidCases.at(index);
  const int64_t coarse = (side + 3) / 4;
  const at::Tensor blocks = clean_fid_numbers(index, 2 * set, images * coarse * coarse * channels)
                                .view({images, coarse, coarse, channels})
                                .repeat_interleave(4, 1)
                                .repeat_interleave(4, 2)
                                .narrow(1, 0, side)
                                .narrow(2, 0, side);
  const at::Tensor noise = clean_fid_numbers(index, 2 * set + 1, images * side * side * channels)
                               .view({images, side, side, channels});
  return ((blocks + noise) * kCleanFidLargest.at(set)).bitwise_right_shift(8).to(at::kByte);
}

/// Every test gets one case.
class CleanFidParity : public testing::TestWithParam<size_t> {
 protected:
  CleanFidParity() {
    const auto file = folder_ / "inception-2015-12-05.pt";
    const std::string hash = save_small_inception(file);
    network_ = make_inception(
        {.kind = ExtractorKind::kInception, .file = {}, .trusted = {hash}, .cache = folder_.path()},
        at::kCPU);
  }

  /// The features of a folder of PNG files, packed as gm_data does.
  at::Tensor features(size_t set) {
    const std::filesystem::path images = folder_ / fmt::format("{}", set);
    const std::filesystem::path packed = folder_ / fmt::format("{}.h5", set);
    std::filesystem::create_directory(images);
    const at::Tensor pixels = clean_fid_pixels(GetParam(), set);
    for (int64_t i = 0; i < pixels.size(0); ++i) {
      write_png(images / fmt::format("{:04}.png", i), pixels[i]);
    }
    pack_images({.input = images,
                 .output = packed,
                 .size = case_.side,
                 .jobs = 1,
                 .grey = case_.channels == 1});
    const ImageDataset dataset(packed);
    return network_->features(read_images(dataset, at::arange(dataset.size(), at::kLong)))
        .slice(1, 0, std::nullopt, 2048 / case_.compared);
  }

  FeatureStatistics statistics(const at::Tensor& features) {
    FeatureMoments moments(features.size(1));
    moments.add(features);
    return moments.of_all_ranks(alone_);
  }

  TemporaryFolder folder_;
  CleanFidCase case_ = kCleanFidCases.at(GetParam());
  TensorMap answers_ = load_safetensors(answer("cleanfid.safetensors"));
  std::shared_ptr<FeatureExtractor> network_;
  SelfCommunicator alone_;
};

TEST_P(CleanFidParity, FeaturesAndDistancesAgree) {
  const auto expected = [&](const std::string& what) {
    return answers_.at(case_.name() + "." + what);
  };
  std::vector<at::Tensor> sets;
  for (const size_t set : {0U, 1U}) {
    sets.push_back(features(set));
    const at::Tensor some = sets.back().slice(1, 0, std::nullopt, 16);
    const at::Tensor difference = some - expected(fmt::format("features.{}", set));
    EXPECT_LE(difference.abs().max().item<double>(), 1e-4);
  }
  const double fid = expected("fid").item<double>(), kid = expected("kid").item<double>();
  EXPECT_NEAR(frechet_distance(statistics(sets[0]), statistics(sets[1])), fid, 1e-3 * fid);
  EXPECT_NEAR(kernel_distance_of_subsets(sets[0], sets[1], 0, alone_), kid, 1e-3 * kid);
  EXPECT_NEAR(kernel_distance(sets[0], sets[1], alone_).value, kid, 1e-3 * kid);
}

INSTANTIATE_TEST_SUITE_P(SizesAndChannels, CleanFidParity,
                         testing::Range<size_t>(0, kCleanFidCases.size()), [](const auto& test) {
                           return "Side" + kCleanFidCases.at(test.param).name();
                         });

}  // namespace
}  // namespace gm::parity
