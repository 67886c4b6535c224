/// The kind and the size of the network that is trained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gm {

/// The values of model.kind: the names of the table of networks (nn/denoiser.cpp).
std::vector<std::string> denoiser_names();

struct ModelConfig {
  std::string kind = "unet";
  int64_t dim = 16;
  std::vector<int64_t> dim_mults = {1, 2, 4, 8};
  std::string weights = {};

  template <class Fields>
  void describe(Fields& field) {
    field("kind", kind)
        .one_of(denoiser_names())
        .help("The network that predicts the noise, or inpaints.");
    field("dim", dim).range(8, 1024).help("Channels at full resolution; a multiple of 8.");
    field("dim_mults", dim_mults)
        .range(1, 64)
        .help(
            "Channels of each level as multiples of model.dim; each further level halves the "
            "image.");
    field("weights", weights)
        .path()
        .help("A safetensors file of initial weights; empty: random weights from the seed.");
  }
};

}  // namespace gm
