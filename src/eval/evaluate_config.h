/// The evaluation of a run's model on masked images.
#pragma once

#include <cstdint>
#include <string>

namespace gm {

/// Keys `evaluate.*`.
struct EvaluateConfig {
  int64_t every = 0;
  int64_t count = 500;
  int64_t batch_size = 50;
  int64_t seed = 0;

  template <class Fields>
  void describe(Fields& field) {
    field("every", every)
        .range(0, 1'000'000'000)
        .help(
            "Steps between evaluations on the held-out images, or on the training images if no "
            "images are held out; 0: no evaluation.");
    field("count", count)
        .range(1, 1'000'000'000)
        .help("Number of images to evaluate; all images if there are fewer.");
    field("batch_size", batch_size)
        .range(1, 100'000)
        .help("Images that a rank inpaints at a time; affects the memory, not the result.");
    field("seed", seed)
        .range(0, INT64_MAX)
        .help("Draws the masks of the evaluation, and the noise of methods that use noise.");
  }
};

}  // namespace gm
