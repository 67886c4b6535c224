/// The diffusion process: how many steps, and how fast noise comes in.
#pragma once

#include <cstdint>
#include <string>

namespace gm {

struct DiffusionConfig {
  int64_t steps = 50;
  std::string schedule = "cosine";
  bool clamp = true;

  template <class Fields>
  void describe(Fields& field) {
    field("steps", steps).range(1, 100000).help("Steps between a picture and pure noise.");
    field("schedule", schedule).one_of({"cosine"}).help("How fast the noise comes in.");
    field("clamp", clamp).help("Keep the predicted picture within [-1, 1] at each reverse step.");
  }
};

}  // namespace gm
