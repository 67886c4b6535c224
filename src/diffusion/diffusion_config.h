/// The diffusion process: its steps, noise schedule, and what the network is given and predicts.
#pragma once

#include <cstdint>
#include <string>

namespace gm {

struct DiffusionConfig {
  int64_t steps = 50;
  std::string schedule = "cosine";
  bool clamp = true;
  std::string condition = "none";
  std::string prediction = "noise";

  template <class Fields>
  void describe(Fields& field) {
    field("steps", steps).range(1, 100000).help("Steps between an image and pure noise.");
    field("schedule", schedule).one_of({"cosine"}).help("The noise schedule.");
    field("clamp", clamp).help("Clamp the predicted image to [-1, 1] at each reverse step.");
    field("condition", condition)
        .one_of({"none", "inpaint"})
        .help(
            "Input of the network besides the noisy image: none, or a masked image's known "
            "pixels and its mask.");
    field("prediction", prediction)
        .one_of({"noise", "x0", "velocity"})
        .help("What the network predicts: the noise, the clean image, or the velocity.");
  }
};

}  // namespace gm
