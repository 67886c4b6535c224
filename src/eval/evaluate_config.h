/// The evaluation of a run's model: of inpainted images, of the loss, and of samples: of their
/// distribution, and whether they copy training images.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace gm {

/// The networks in whose features distributions of images are compared.
enum class ExtractorKind {
  kLite0,      ///< EfficientNet-Lite0, trained on ImageNet.
  kInception,  ///< The network of the FID, from a file of the user.
  kRandom,     ///< A small network with random weights, for tests.
};
constexpr auto names_of(ExtractorKind) {
  using enum ExtractorKind;
  return std::to_array<std::pair<ExtractorKind, const char*>>(
      {{kLite0, "lite0"}, {kInception, "inception"}, {kRandom, "random"}});
}

/// Keys `evaluate.*`.
struct EvaluateConfig {
  int64_t every = 0;
  std::string metrics = "inpainting";
  int64_t count = 500;
  int64_t batch_size = 50;
  int64_t seed = 0;
  int64_t samples = 5000;
  ExtractorKind extractor = ExtractorKind::kLite0;
  std::string extractor_file = {};

  template <class Fields>
  void describe(Fields& field) {
    field("every", every)
        .range(0, 1'000'000'000)
        .help(
            "Steps between evaluations on the held-out images, or on the training images if no "
            "images are held out; 0: no evaluation.");
    field("metrics", metrics)
        .not_empty()
        .help(
            "What is evaluated, separated by commas: inpainting (of images with masks), loss (of a "
            "diffusion model, on training and held-out images), fd, kid, precision, recall "
            "(distances between samples and the evaluated images), and neighbours (whether samples "
            "copy training images).");
    field("count", count)
        .range(1, 1'000'000'000)
        .help(
            "Number of images to inpaint or to measure the loss on; all images if there are "
            "fewer.");
    field("batch_size", batch_size)
        .range(1, 100'000)
        .help(
            "Images that a rank inpaints or samples at a time; affects the memory, not the "
            "result.");
    field("seed", seed)
        .range(0, INT64_MAX)
        .help("Draws the masks of the evaluation, and the noise of methods that use noise.");
    field("samples", samples)
        .range(4, 10'000'000)
        .help("Number of samples whose distribution is compared with that of the images.");
    field("extractor", extractor)
        .help(
            "The network whose features are compared: lite0 (fetched by launch/lite0_weights.py), "
            "inception (the one of the FID, from your file), random (for tests).");
    field("extractor_file", extractor_file)
        .path()
        .help("The file of evaluate.extractor; empty means a file in data.cache.");
  }
};

}  // namespace gm
