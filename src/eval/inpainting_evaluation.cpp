#include "eval/inpainting_evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "comm/stop.h"
#include "eval/fills.h"
#include "eval/image_quality.h"

namespace gm {
namespace {

constexpr int64_t kBins = 10;

/// Sums over the pictures of a bin, in the order of a row of the tensor that ranks add up.
enum Sum : int64_t {
  kPictures,
  kPsnrHole,
  kPsnr,
  kSsimHole,
  kSsim,
  kL1Hole,
  kL1,
  kGradientEnergy,
  kOriginalGradientEnergy,
  kSums,
};

/// The means that are shown, by name; what else is a sum becomes the sharpness.
constexpr std::array<std::pair<const char*, Sum>, 6> kMeans{{{"psnr_hole", kPsnrHole},
                                                             {"psnr", kPsnr},
                                                             {"ssim_hole", kSsimHole},
                                                             {"ssim", kSsim},
                                                             {"l1_hole", kL1Hole},
                                                             {"l1", kL1}}};

/// Adds a picture to the row of its hole's area.
void add(const PictureQuality& quality, at::TensorAccessor<double, 2> sums) {
  const auto bin = static_cast<int64_t>(quality.missing * kBins);
  auto row = sums[std::clamp<int64_t>(bin, 0, kBins - 1)];
  row[kPictures] += 1;
  row[kPsnrHole] += quality.hole.psnr;
  row[kPsnr] += quality.whole.psnr;
  row[kSsimHole] += quality.hole.ssim;
  row[kSsim] += quality.whole.ssim;
  row[kL1Hole] += quality.hole.l1;
  row[kL1] += quality.whole.l1;
  row[kGradientEnergy] += quality.gradient_energy;
  row[kOriginalGradientEnergy] += quality.original_gradient_energy;
}

/// The figures out of a row of sums, [kSums].
InpaintingFigures figures_of(const at::Tensor& row) {
  const auto sum = row.accessor<double, 1>();
  InpaintingFigures figures{.pictures = static_cast<int64_t>(sum[kPictures])};
  if (figures.pictures == 0) return figures;
  for (const auto& [name, which] : kMeans) {
    figures.values.emplace_back(name, sum[which] / sum[kPictures]);
  }
  const double original = sum[kOriginalGradientEnergy];
  if (original > 0) figures.values.emplace_back("sharpness_hole", sum[kGradientEnergy] / original);
  return figures;
}

InpaintingReport report_of(const at::Tensor& sums) {
  InpaintingReport report{.all = figures_of(sums.sum(0))};
  for (int64_t bin = 0; bin < kBins; ++bin) {
    InpaintingFigures figures = figures_of(sums[bin]);
    if (figures.pictures == 0) continue;
    report.bins.push_back({.from = static_cast<double>(bin) / kBins,
                           .to = static_cast<double>(bin + 1) / kBins,
                           .figures = std::move(figures)});
  }
  return report;
}

}  // namespace

FillMethod fill_by(Task& task, std::string name, uint64_t seed) {
  return {.name = std::move(name),
          .fill = [&task, seed](const IncompletePictures& incomplete, const at::Tensor& indices,
                                const SamplingObserver& observer) {
            return task.inpaint(incomplete, seed, indices, observer);
          }};
}

std::vector<FillMethod> baseline_methods() {
  const auto rule = [](const char* name, at::Tensor (*fill)(const at::Tensor&, const at::Tensor&)) {
    return FillMethod{.name = name,
                      .fill = [fill](const IncompletePictures& incomplete, const at::Tensor&,
                                     const SamplingObserver&) {
                        return fill(incomplete.pictures, incomplete.masks);
                      }};
  };
  return {rule("mean fill", fill_with_mean), rule("harmonic fill", fill_harmonically)};
}

InpaintingReport evaluate_inpainting(const FillMethod& method, const HoledPictures& pictures,
                                     const SharedWork& work, Communicator& communicator) {
  const auto leave_if_asked = [&](int64_t, const at::Tensor&) { stop_together(communicator); };
  const at::Tensor sums = at::zeros({kBins, kSums}, at::kDouble);
  share_out(work, communicator, [&](const at::Tensor& items, int64_t own) {
    const at::Tensor indices = pictures.spread(items, work.count);
    const IncompletePictures truth = pictures.at(indices);
    const at::Tensor filled = method.fill(truth, indices, leave_if_asked);
    const auto qualities = picture_quality(filled, truth.pictures, truth.masks);
    for (int64_t i = 0; i < own; ++i) {
      add(qualities[static_cast<size_t>(i)], sums.accessor<double, 2>());
    }
  });
  communicator.all_reduce_sum(sums);
  return report_of(sums);
}

}  // namespace gm
