/// The feature extractor "inception": the network that defines the FID, from a file of the user.
#pragma once

#include <memory>

#include "eval/feature_extractor.h"

namespace gm {

/// The TorchScript file inception-2015-12-05.pt of StyleGAN2-ADA, as clean-fid uses it in its mode
/// "clean": images of 299 x 299, (x - 128) / 128, the output of `layers`, 2048 values. TorchScript
/// is code that runs with the user's rights, so the file is loaded only if its SHA-256 is the one
/// that the user gave. What was hashed is what is loaded. Throws InputError otherwise, or if the
/// file is no such network.
std::shared_ptr<FeatureExtractor> make_inception(const ExtractorChoice& choice, at::Device device);

}  // namespace gm
