#include "nn/denoiser.h"

#include "base/named_table.h"
#include "nn/unet.h"

namespace gm {
namespace {

const DenoiserKind& denoiser_kind(const ModelConfig& config) {
  return find_named(denoiser_kinds(), config.kind, "model.kind");
}

}  // namespace

std::vector<DenoiserKind>& denoiser_kinds() {
  static std::vector<DenoiserKind> kinds{
      {.name = "unet", .check_image_size = check_unet_image_size, .make = make_unet}};
  return kinds;
}

std::vector<std::string> denoiser_names() { return names_in(denoiser_kinds()); }

void check_image_size(const ModelConfig& config, int64_t height, int64_t width) {
  denoiser_kind(config).check_image_size(config, height, width);
}

std::unique_ptr<Denoiser> make_denoiser(const ModelConfig& config, const DenoiserShape& shape,
                                        uint64_t seed, at::Device device) {
  return denoiser_kind(config).make(config, shape, seed, device);
}

}  // namespace gm
