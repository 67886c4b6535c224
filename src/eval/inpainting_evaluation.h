/// How well a method inpaints: figures over the images of a dataset, which all ranks compute
/// together.
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

/// Anything that inpaints: a model or a baseline. The result for an image depends on the image, its
/// mask and its index (int64 [n]) alone.
struct InpaintMethod {
  std::string name;
  std::function<at::Tensor(const MaskedImages& masked_images, const at::Tensor& indices,
                           const SamplingObserver& observer)>
      inpaint;
};

/// Inpainting by `inpainter`, with the weights that it has at the time of the call. It must outlive
/// the method. `seed` determines the randomness.
InpaintMethod inpaint_by(Inpainter& inpainter, std::string name, uint64_t seed);
/// The baselines: the mean of the known pixels, and Laplace's equation over the masked pixels.
std::vector<InpaintMethod> baseline_methods();

/// Figures of many images, by name and in order: the means of psnr_masked, psnr, ssim_masked, ssim,
/// l1_masked and l1 (see image_metrics.h), and sharpness_masked, the gradient energy in the masks
/// relative to that of the originals. sharpness_masked is left out if the originals have no
/// gradient energy. Empty if there are no images.
struct InpaintingFigures {
  int64_t images = 0;
  std::vector<std::pair<std::string, double>> values = {};
};

/// The images of which the mask covers at least the fraction `from`, and less than `to`.
struct AreaBin {
  double from = 0, to = 0;
  InpaintingFigures figures = {};
};

struct InpaintingReport {
  InpaintingFigures all = {};
  std::vector<AreaBin> bins = {};  ///< Tenths of an image; bins without images are left out.
};

/// Inpaints work.count images, spread over the dataset, with `method`, and compares them with the
/// originals. All ranks must call it. The result is the same on all ranks, and for any number of
/// ranks up to the rounding of float64 sums. Memory use does not depend on the count. Throws
/// StopRequested on all ranks if one of them received a signal.
InpaintingReport evaluate_inpainting(const InpaintMethod& method, const MaskedDataset& images,
                                     const DistributedRange& work, Communicator& communicator);

}  // namespace gm
