/// Networks that turn images into features, in which distributions of images are compared.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "eval/evaluate_config.h"

namespace gm {

class FeatureExtractor {
 public:
  virtual ~FeatureExtractor() = default;

  /// In the names of figures: "lite0".
  virtual std::string name() const = 0;
  /// The SHA-256 of the file with the weights, or of the weights if there is no file. Features of
  /// equal name and weights are comparable.
  virtual std::string weights_sha256() const = 0;
  /// The number of values of a feature.
  virtual int64_t dimension() const = 0;
  /// Height and width of the images that the network takes.
  virtual int64_t side() const = 0;

  /// The features of images, float [n,C,H,W] in [-1,1] with C = 1 or 3, on any device: float32
  /// [n,dimension()] on the device of the extractor.
  ///
  /// The images are first rounded to 8 bits, as if they came from a PNG file, like real
  /// images. Then they are resized as clean-fid does (Parmar, Zhang, Zhu, "On aliased resizing and
  /// surprising subtleties in GAN evaluation", 2022): bicubic with antialiasing, clamped, not
  /// rounded again. Grey becomes RGB. Convolutions use the full precision of float32 on every
  /// device.
  at::Tensor features(const at::Tensor& images);

 protected:
  explicit FeatureExtractor(at::Device device) : device_(device) {}
  at::Device device() const { return device_; }

 private:
  /// `pixels`: float32 [n,3,side(),side()] from 0 to 255.
  virtual at::Tensor forward(const at::Tensor& pixels) = 0;

  at::Device device_;
};

/// How features are resized; part of the key of stored statistics.
inline constexpr const char* kFeatureResize = "clean-fid bicubic";

/// A user's choice of a feature extractor.
struct ExtractorChoice {
  ExtractorKind kind = ExtractorKind::kLite0;
  std::filesystem::path file;        ///< Empty: the file of this kind in `cache`.
  std::vector<std::string> trusted;  ///< trusted_code(): for kinds whose file is code.
  std::filesystem::path cache;
};

/// The extractor. Every rank reads its file. Called by all ranks together. Throws InputError on all
/// of them if the file is missing or wrong on one of them, with where it comes from.
std::shared_ptr<FeatureExtractor> make_feature_extractor(const ExtractorChoice& choice,
                                                         at::Device device,
                                                         Communicator& communicator);

}  // namespace gm
