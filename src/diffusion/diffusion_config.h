/// The diffusion process: how many steps, and how fast noise comes in.
#pragma once

#include <cstdint>
#include <string>

namespace gm {

struct DiffusionConfig {
  int64_t steps = 50;
  std::string schedule = "cosine";
  bool clamp = true;
  std::string condition = "none";

  template <class Fields>
  void describe(Fields& field) {
    field("steps", steps).range(1, 100000).help("Steps between an image and pure noise.");
    field("schedule", schedule).one_of({"cosine"}).help("How fast the noise comes in.");
    field("clamp", clamp).help("Keep the predicted image within [-1, 1] at each reverse step.");
    field("condition", condition)
        .one_of({"none", "inpaint"})
        .help(
            "What the network is told beside the noisy image: nothing, or the known part of a "
            "image with masked pixels and the mask.");
  }
};

}  // namespace gm
