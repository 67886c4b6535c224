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
    field("steps", steps).range(1, 100000).help("Steps between a picture and pure noise.");
    field("schedule", schedule).one_of({"cosine"}).help("How fast the noise comes in.");
    field("clamp", clamp).help("Keep the predicted picture within [-1, 1] at each reverse step.");
    field("condition", condition)
        .one_of({"none", "inpaint"})
        .help(
            "What the network is told beside the noisy picture: nothing, or the known part of a "
            "picture with a hole and the hole.");
  }
};

}  // namespace gm
