#include "eval/inpainting_evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "comm/stop.h"
#include "device/transfer.h"
#include "eval/baselines.h"
#include "eval/image_metrics.h"

namespace gm {
namespace {

constexpr int64_t kBins = 10;

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

/// The figures for a row of sums, [kSums].
InpaintingFigures figures_of(const at::Tensor& row) {
  const auto sum = row.accessor<double, 1>();
  InpaintingFigures figures{.images = static_cast<int64_t>(sum[kImages])};
  if (figures.images == 0) return figures;
  for (const auto& [name, which] : kMeans) {
    figures.values.emplace_back(name, sum[which] / sum[kImages]);
  }
  const double original = sum[kOriginalGradientEnergy];
  if (original > 0)
    figures.values.emplace_back("sharpness_masked", sum[kGradientEnergy] / original);
  return figures;
}

InpaintingReport report_of(const at::Tensor& sums) {
  InpaintingReport report{.all = figures_of(sums.sum(0))};
  for (int64_t bin = 0; bin < kBins; ++bin) {
    InpaintingFigures figures = figures_of(sums[bin]);
    if (figures.images == 0) continue;
    report.bins.push_back({.from = static_cast<double>(bin) / kBins,
                           .to = static_cast<double>(bin + 1) / kBins,
                           .figures = std::move(figures)});
  }
  return report;
}

}  // namespace

InpaintMethod inpaint_by(Inpainter& inpainter, std::string name, uint64_t seed) {
  return {
      .name = std::move(name),
      .inpaint = [&inpainter, seed](const MaskedImages& masked_images, const at::Tensor& indices,
                                    const SamplingObserver& observer) {
        return inpainter.inpaint(masked_images, seed, indices, observer);
      }};
}

std::vector<InpaintMethod> baseline_methods() {
  const auto rule = [](const char* name, at::Tensor (*fill)(const at::Tensor&, const at::Tensor&)) {
    return InpaintMethod{.name = name,
                         .inpaint = [fill](const MaskedImages& masked_images, const at::Tensor&,
                                           const SamplingObserver&) {
                           return fill(masked_images.images, masked_images.masks);
                         }};
  };
  return {rule("mean fill", inpaint_with_mean), rule("harmonic fill", inpaint_harmonically)};
}

InpaintingReport evaluate_inpainting(const InpaintMethod& method, const MaskedDataset& images,
                                     const DistributedRange& work, Communicator& communicator) {
  const auto throw_if_stop_requested = [&](int64_t, const at::Tensor&) {
    throw_if_any_rank_stopped(communicator);
  };
  const at::Tensor sums = at::zeros({kBins, kSums}, at::kDouble);
  for_each_rank_batch(work, communicator, [&](const at::Tensor& items, int64_t valid) {
    const at::Tensor indices = images.evenly_spaced(items, work.count);
    const MaskedImages truth = images.at(indices);
    const at::Tensor filled = download(method.inpaint(truth, indices, throw_if_stop_requested));
    const auto qualities = image_metrics(filled, truth.images, truth.masks);
    for (int64_t i = 0; i < valid; ++i) {
      add(qualities[static_cast<size_t>(i)], sums.accessor<double, 2>());
    }
  });
  communicator.all_reduce_sum(sums);
  return report_of(sums);
}

}  // namespace gm
