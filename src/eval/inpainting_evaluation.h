/// The evaluation "inpainting": how well a method fills masks, by comparison with the originals.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "comm/distributed_range.h"
#include "eval/baselines.h"
#include "eval/evaluate_config.h"
#include "eval/evaluation.h"
#include "eval/masked_dataset.h"

namespace gm {

/// Evaluates methods that are an Inpainter. The figures are the means of psnr_masked, psnr,
/// ssim_masked, ssim, l1_masked and l1 over the images (see image_metrics.h), and sharpness_masked,
/// the gradient energy in the masks relative to that of the originals. sharpness_masked is left out
/// if the originals have no gradient energy. The breakdown is by masked fraction, in tenths. Memory
/// use does not depend on the number of images.
class InpaintingEvaluation final : public Evaluation {
 public:
  /// On config.count images, spread over the dataset, or all images if there are fewer.
  /// config.seed determines the randomness of methods. The communicator outlives the evaluation.
  /// Called by all ranks. Throws InputError if the images are too small, or if ranks have different
  /// masks.
  InpaintingEvaluation(MaskedDataset images, const EvaluateConfig& config,
                       Communicator& communicator);

  /// The figures by which models can be ranked.
  static std::vector<RankedFigure> ranked_figures();

  std::string name() const override { return "inpainting"; }
  int64_t samples() const override { return work_.count; }
  /// The mean of the known pixels, and Laplace's equation over the masked pixels.
  std::vector<Method> baselines() override;
  EvaluationReport run(const Method& method, const EvaluationObserver& observer) override;
  /// comparison_images() of eight images.
  std::optional<LabelledImages> draw(const std::vector<Method>& methods,
                                     const EvaluationObserver& observer) override;

 private:
  MaskedDataset images_;
  DistributedRange work_;
  uint64_t seed_;
  Communicator& communicator_;
  InpaintingBaseline mean_fill_{inpaint_with_mean}, harmonic_fill_{inpaint_harmonically};
};

}  // namespace gm
