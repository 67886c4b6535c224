/// The evaluation "loss": the loss of a diffusion model on images that it was trained on and on
/// held-out images. A growing difference is over-fitting.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/distributed_range.h"
#include "data/image_dataset.h"
#include "data/masks.h"
#include "eval/evaluate_config.h"
#include "eval/evaluation.h"
#include "tasks/diffusion_losses.h"

namespace gm {

/// The loss on held-out images.
inline constexpr const char* kHeldOutLoss = "loss_held_out";
/// This loss minus the one on training images.
inline constexpr const char* kLossGap = "loss_gap";

/// The timesteps, of `count`, at which the loss is measured: the middles of eight equal parts, or
/// all timesteps if there are fewer.
std::vector<int64_t> evaluated_timesteps(int64_t count);

/// Evaluates methods whose task offers DiffusionLosses. The figures are loss_train and
/// loss_held_out, means over evaluated_timesteps() and images without augmentation, and loss_gap,
/// the second minus the first. The same noise and masks are used in each run() of each method, so
/// figures of different steps can be compared; those of models with another kind of loss cannot.
/// The breakdown is by timestep.
class LossEvaluation final : public Evaluation {
 public:
  struct Images {
    std::shared_ptr<const ImageDataset> training, held_out;
  };

  /// On config.count images of each dataset, spread over it, or fewer if a dataset has fewer: the
  /// same number of both. config.seed draws noise and masks. `loss` says what the loss
  /// of the models is, for the report. The communicator outlives the evaluation. Throws InputError
  /// if both datasets are the same.
  LossEvaluation(Images images, const MaskConfig& mask, Provenance loss,
                 const EvaluateConfig& config, Communicator& communicator);

  /// The figures by which models can be ranked.
  static std::vector<RankedFigure> ranked_figures();

  std::string name() const override { return "loss"; }
  /// Of each dataset.
  int64_t samples() const override { return work_.count; }
  EvaluationReport run(const Method& method, const EvaluationObserver& observer) override;

 private:
  at::Tensor losses_of(DiffusionLosses& model, const Batch& batch,
                       const EvaluationObserver& observer);
  at::Tensor masks_of(const at::Tensor& indices);
  Provenance provenance() const;

  Images images_;
  MaskConfig mask_;
  Provenance loss_;
  DistributedRange work_;
  uint64_t seed_;
  Communicator& communicator_;
  std::optional<MaskSource> masks_;  // opened when a model asks for masks
};

}  // namespace gm
