#include "eval/inception.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <exception>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"

namespace gm {
namespace {

constexpr const char* kInceptionFile = "inception-2015-12-05.pt";
constexpr const char* kInceptionAddress =
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/"
    "inception-2015-12-05.pt";
constexpr size_t kLargestInceptionFile = size_t{1} << 30;

class Inception final : public FeatureExtractor {
 public:
  Inception(torch::jit::Module layers, std::string sha256, at::Device device)
      : FeatureExtractor(device), layers_(std::move(layers)), sha256_(std::move(sha256)) {}

  std::string name() const override { return "inception"; }
  std::string weights_sha256() const override { return sha256_; }
  int64_t dimension() const override { return 2048; }
  int64_t side() const override { return 299; }

 private:
  at::Tensor forward(const at::Tensor& pixels) override {
    const at::Tensor output = layers_.forward({(pixels - 128) / 128}).toTensor();
    return output.reshape({pixels.size(0), dimension()});
  }

  torch::jit::Module layers_;
  std::string sha256_;
};

struct TrustedFile {
  std::string content, sha256;
};

/// Reads the file. Throws InputError unless the user trusts it.
TrustedFile read_trusted(const std::filesystem::path& file,
                         const std::vector<std::string>& trusted) {
  if (!std::filesystem::exists(file)) {
    throw InputError(
        "{}: the network of the FID is not there; download {} to this path, or set "
        "evaluate.extractor_file",
        file.string(), kInceptionAddress);
  }
  std::string content = read_file(file, kLargestInceptionFile);
  std::string hash = sha256(content);
  if (std::ranges::find(trusted, hash) != trusted.end())
    return {std::move(content), std::move(hash)};
  throw InputError(
      "{}: a TorchScript file is code, so gm loads it only if you trust it; if you know where the "
      "file came from, give gm_eval the option --trust {} once",
      file.string(), hash);
}

torch::jit::Module layers_of(const std::string& content, const std::filesystem::path& file,
                             at::Device device) {
  try {
    std::istringstream stream(content);
    torch::jit::Module network = torch::jit::load(stream, device);
    network.eval();
    return network.attr("layers").toModule();
  } catch (const std::exception& error) {
    const std::string reason = error.what();
    throw InputError("{}: not a TorchScript network with a part `layers`: {}", file.string(),
                     reason.substr(0, reason.find('\n')));
  }
}

}  // namespace

std::shared_ptr<FeatureExtractor> make_inception(const ExtractorChoice& choice, at::Device device) {
  const auto file = choice.file.empty() ? choice.cache / kInceptionFile : choice.file;
  const auto [content, hash] = read_trusted(file, choice.trusted);
  return std::make_shared<Inception>(layers_of(content, file, device), hash, device);
}

}  // namespace gm
