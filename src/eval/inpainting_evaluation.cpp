#include "eval/inpainting_evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "comm/consistency.h"
#include "comm/stop.h"
#include "device/transfer.h"
#include "eval/comparison_images.h"
#include "eval/image_metrics.h"
#include "eval/sampling.h"

namespace gm {
namespace {

constexpr int64_t kBins = 10;
constexpr int64_t kShownImages = 8;

/// Sums over the images of a bin: the columns of the tensor that is summed over the ranks.
enum Sum : int64_t {
  kImages,
  kPsnrMasked,
  kPsnr,
  kSsimMasked,
  kSsim,
  kL1Masked,
  kL1,
  kGradientEnergy,
  kOriginalGradientEnergy,
  kSums,
};

/// The reported means, by name. The other sums become the sharpness.
constexpr std::array<std::pair<const char*, Sum>, 6> kMeans{{{"psnr_masked", kPsnrMasked},
                                                             {"psnr", kPsnr},
                                                             {"ssim_masked", kSsimMasked},
                                                             {"ssim", kSsim},
                                                             {"l1_masked", kL1Masked},
                                                             {"l1", kL1}}};

/// Adds an image to the row of its masked fraction.
void add(const ImageMetrics& quality, at::TensorAccessor<double, 2> sums) {
  const auto bin = static_cast<int64_t>(quality.missing * kBins);
  auto row = sums[std::clamp<int64_t>(bin, 0, kBins - 1)];
  row[kImages] += 1;
  row[kPsnrMasked] += quality.masked.psnr;
  row[kPsnr] += quality.whole.psnr;
  row[kSsimMasked] += quality.masked.ssim;
  row[kSsim] += quality.whole.ssim;
  row[kL1Masked] += quality.masked.l1;
  row[kL1] += quality.whole.l1;
  row[kGradientEnergy] += quality.gradient_energy;
  row[kOriginalGradientEnergy] += quality.original_gradient_energy;
}

/// Number of images in a row of sums, [kSums].
int64_t images_in(const at::Tensor& row) { return row[kImages].item<int64_t>(); }

/// The figures for a row of sums, [kSums], of at least one image.
Figures figures_of(const at::Tensor& row) {
  const auto sum = row.accessor<double, 1>();
  Figures figures;
  for (const auto& [name, which] : kMeans) figures.emplace_back(name, sum[which] / sum[kImages]);
  const double original = sum[kOriginalGradientEnergy];
  if (original > 0) figures.emplace_back("sharpness_masked", sum[kGradientEnergy] / original);
  return figures;
}

FigureBreakdown breakdown_of(const at::Tensor& sums) {
  FigureBreakdown breakdown{
      .key = "by_area", .fraction = "masked fraction of the image", .figure = kMeans.front().first};
  for (int64_t bin = 0; bin < kBins; ++bin) {
    const int64_t images = images_in(sums[bin]);
    if (images == 0) continue;
    breakdown.bins.push_back({.from = static_cast<double>(bin) / kBins,
                              .to = static_cast<double>(bin + 1) / kBins,
                              .samples = images,
                              .figures = figures_of(sums[bin])});
  }
  return breakdown;
}

}  // namespace

InpaintingEvaluation::InpaintingEvaluation(MaskedDataset images, const EvaluateConfig& config,
                                           Communicator& communicator)
    : images_(std::move(images)),
      work_{.count = std::min(config.count, images_.size()), .batch_size = config.batch_size},
      seed_(static_cast<uint64_t>(config.seed)),
      communicator_(communicator) {
  require_measurable(images_.shape().height, images_.shape().width);
  require_same_everywhere(communicator_, "the masks", images_.masks_hash());
}

std::vector<RankedFigure> InpaintingEvaluation::ranked_figures() {
  std::vector<RankedFigure> figures;
  for (const auto& [name, which] : kMeans) {
    figures.push_back({.name = name, .higher_is_better = which != kL1Masked && which != kL1});
  }
  return figures;
}

std::vector<Method> InpaintingEvaluation::baselines() {
  return {{.name = "mean fill", .inpainter = &mean_fill_},
          {.name = "harmonic fill", .inpainter = &harmonic_fill_}};
}

EvaluationReport InpaintingEvaluation::run(const Method& method,
                                           const EvaluationObserver& observer) {
  const auto throw_if_stop_requested = [&](int64_t, const at::Tensor&) {
    throw_if_any_rank_stopped(communicator_);
  };
  const at::Tensor sums = at::zeros({kBins, kSums}, at::kDouble);
  for_each_rank_batch(work_, communicator_, [&](const at::Tensor& items, int64_t valid) {
    const at::Tensor indices = images_.evenly_spaced(items, work_.count);
    const MaskedImages truth = images_.at(indices);
    observer.begin_batch();
    const at::Tensor filled =
        download(method.inpainter->inpaint(truth, seed_, indices, throw_if_stop_requested));
    observer.end_batch(indices.numel() * communicator_.size());
    const auto qualities = image_metrics(filled, truth.images, truth.masks);
    for (int64_t i = 0; i < valid; ++i) {
      add(qualities[static_cast<size_t>(i)], sums.accessor<double, 2>());
    }
  });
  communicator_.all_reduce_sum(sums);
  const at::Tensor total = sums.sum(0);
  return {.name = name(),
          .samples = images_in(total),
          .figures = figures_of(total),
          .breakdown = breakdown_of(sums),
          .provenance = {{"seed", static_cast<int64_t>(seed_)},
                         {"images_hash", images_.images_hash()},
                         {"masks_hash", images_.masks_hash()}},
          .sampling = method.inpainting};
}

std::optional<LabelledImages> InpaintingEvaluation::draw(const std::vector<Method>& methods,
                                                         const EvaluationObserver& observer) {
  const int64_t shown = std::min(kShownImages, images_.size());
  const auto make = [&](const at::Tensor& i, const SamplingObserver& each_step) {
    const at::Tensor indices = images_.evenly_spaced(i, shown);
    const auto inpaint = [&](const Method& method, const MaskedImages& masked_images) {
      observer.begin_batch();
      return download(method.inpainter->inpaint(masked_images, seed_, indices, each_step));
    };
    return comparison_images(methods, images_.at(indices), inpaint);
  };
  return LabelledImages{gather_samples(make, communicator_, {.count = shown}),
                        comparison_labels(methods)};
}

}  // namespace gm
