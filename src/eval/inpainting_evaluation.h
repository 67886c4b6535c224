/// How well a method inpaints: figures over the images of a dataset, shared out over all
/// ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "comm/distributed_range.h"
#include "eval/masked_dataset.h"

namespace gm {

/// Anything that inpaints: a model, or a rule that needs no learning. What an image gets
/// depends on the image, its mask and its index (int64 [n]) alone.
struct InpaintMethod {
  std::string name;
  std::function<at::Tensor(const MaskedImages& incomplete, const at::Tensor& indices,
                           const SamplingObserver& observer)>
      fill;
};

/// Filling by `task`, which outlives the method, with the weights that it has at that moment;
/// chance follows from `seed`.
InpaintMethod inpaint_by(Task& task, std::string name, uint64_t seed);
/// The methods that need no learning: the mean of the known pixels, and Laplace's equation over the
/// masked.
std::vector<InpaintMethod> baseline_methods();

/// Figures of many images, by name and in order: means of psnr_masked, psnr, ssim_masked, ssim,
/// l1_masked and l1 (see image_quality.h), and sharpness_masked, the energy of the gradient in the
/// masks relative to the originals', which is left out where those have none. Empty where there are
/// no images.
struct InpaintingFigures {
  int64_t images = 0;
  std::vector<std::pair<std::string, double>> values = {};
};

/// The images whose mask covers at least `from` of them, and less than `to`.
struct AreaBin {
  double from = 0, to = 0;
  InpaintingFigures figures = {};
};

struct InpaintingReport {
  InpaintingFigures all = {};
  std::vector<AreaBin> bins = {};  ///< Tenths of an image; only those that have images.
};

/// Fills work.count images, spread over the dataset, by `method` and compares them with the
/// originals. Called by all ranks; the result is the same on all of them and, to the rounding of
/// float64 sums, for any number of them. Memory does not grow with the count. Throws StopRequested
/// on all ranks when one of them got a signal.
InpaintingReport evaluate_inpainting(const InpaintMethod& method, const MaskedDataset& images,
                                     const DistributedRange& work, Communicator& communicator);

}  // namespace gm
