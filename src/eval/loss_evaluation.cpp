#include "eval/loss_evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/error.h"
#include "comm/consistency.h"
#include "comm/stop.h"
#include "data/read_images.h"
#include "device/transfer.h"

namespace gm {
namespace {

/// The rows of the sums.
enum Row : int64_t { kTrainingRow, kHeldOutRow, kRows };

/// `losses`: of kTrainingRow and kHeldOutRow.
Figures loss_figures(const at::Tensor& losses) {
  const double training = losses[kTrainingRow].item<double>();
  const double held_out = losses[kHeldOutRow].item<double>();
  return {{"loss_train", training}, {kHeldOutLoss, held_out}, {kLossGap, held_out - training}};
}

/// `losses`: [kRows, timesteps].
FigureBreakdown breakdown_by_timestep(const at::Tensor& losses, int64_t images) {
  FigureBreakdown breakdown{
      .key = "by_timestep", .fraction = "timestep, as a part of all", .figure = kHeldOutLoss};
  const auto count = static_cast<double>(losses.size(1));
  for (int64_t i = 0; i < losses.size(1); ++i) {
    breakdown.bins.push_back({.from = static_cast<double>(i) / count,
                              .to = static_cast<double>(i + 1) / count,
                              .samples = images,
                              .figures = loss_figures(losses.select(1, i))});
  }
  return breakdown;
}

}  // namespace

std::vector<int64_t> evaluated_timesteps(int64_t count) {
  const int64_t parts = std::min<int64_t>(8, count);
  std::vector<int64_t> timesteps;
  for (int64_t i = 0; i < parts; ++i) timesteps.push_back((2 * i + 1) * count / (2 * parts));
  return timesteps;
}

LossEvaluation::LossEvaluation(Images images, const MaskConfig& mask, Provenance loss,
                               const EvaluateConfig& config, Communicator& communicator)
    : images_(std::move(images)),
      mask_(mask),
      loss_(std::move(loss)),
      work_{.count = std::min({config.count, images_.training->size(), images_.held_out->size()}),
            .batch_size = config.batch_size},
      seed_(static_cast<uint64_t>(config.seed)),
      communicator_(communicator) {
  if (images_.training->content_hash() != images_.held_out->content_hash()) return;
  throw InputError(
      "{}: the loss on held-out images needs images that the run is not trained on: hold some out "
      "with gm_data pack --holdout 0.1, or with data.holdout = 0.1 where data.path is a folder of "
      "images, or name other images with gm_eval --data",
      images_.training->file_path(0).string());
}

std::vector<RankedFigure> LossEvaluation::ranked_figures() {
  return {{.name = "loss_train"}, {.name = kHeldOutLoss}};
}

at::Tensor LossEvaluation::masks_of(const at::Tensor& indices) {
  if (!masks_) {
    const ImageShape& shape = images_.training->shape();
    masks_.emplace(mask_, shape.height, shape.width, seed_, Stream::kEvaluationMask);
    require_same_everywhere(communicator_, "the masks", masks_->content_hash());
  }
  return masks_->masks(indices);
}

Provenance LossEvaluation::provenance() const {
  Provenance provenance{{"seed", static_cast<int64_t>(seed_)},
                        {"training_hash", images_.training->content_hash()},
                        {"held_out_hash", images_.held_out->content_hash()}};
  if (masks_) provenance.emplace_back("masks_hash", masks_->content_hash());
  provenance.insert(provenance.end(), loss_.begin(), loss_.end());
  return provenance;
}

/// [timesteps, n], on the CPU.
at::Tensor LossEvaluation::losses_of(DiffusionLosses& model, const Batch& batch,
                                     const EvaluationObserver& observer) {
  const auto masks = [this](const at::Tensor& indices) { return masks_of(indices); };
  std::vector<at::Tensor> losses;
  for (const int64_t timestep : evaluated_timesteps(model.timesteps())) {
    throw_if_any_rank_stopped(communicator_);
    observer.begin_batch();
    losses.push_back(model.losses_at({.timestep = timestep, .seed = seed_}, batch, masks));
  }
  return download(at::stack(losses));
}

EvaluationReport LossEvaluation::run(const Method& method, const EvaluationObserver& observer) {
  DiffusionLosses& model = *method.task->diffusion_losses();
  const auto timesteps = std::ssize(evaluated_timesteps(model.timesteps()));
  const at::Tensor losses = at::zeros({kRows, timesteps}, at::kDouble);
  for_each_rank_batch(work_, communicator_, [&](const at::Tensor& items, int64_t valid) {
    const auto add = [&](Row row, const ImageDataset& images) {
      const at::Tensor indices = (items * images.size()).div(work_.count, "floor");
      const at::Tensor found = losses_of(model, read_batch(images, indices), observer);
      losses[row] += found.narrow(1, 0, valid).sum(1, /*keepdim=*/false, at::kDouble);
    };
    add(kTrainingRow, *images_.training);
    add(kHeldOutRow, *images_.held_out);
    observer.end_batch(items.numel() * communicator_.size());
  });
  communicator_.all_reduce_sum(losses);
  losses.div_(static_cast<double>(work_.count));
  return {.name = name(),
          .samples = work_.count,
          .figures = loss_figures(losses.mean(1)),
          .breakdown = breakdown_by_timestep(losses, work_.count),
          .provenance = provenance()};
}

}  // namespace gm
