/// How well a method fills holes: figures over the pictures of a data set, shared out over all
/// ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "comm/shared_work.h"
#include "eval/holed_pictures.h"

namespace gm {

/// Anything that fills holes: a model, or a rule that needs no learning. What a picture gets
/// depends on the picture, its hole and its index (int64 [n]) alone.
struct FillMethod {
  std::string name;
  std::function<at::Tensor(const IncompletePictures& incomplete, const at::Tensor& indices,
                           const SamplingObserver& observer)>
      fill;
};

/// Filling by `task`, which outlives the method, with the weights that it has at that moment;
/// chance follows from `seed`.
FillMethod fill_by(Task& task, std::string name, uint64_t seed);
/// The methods that need no learning: the mean of the known pixels, and Laplace's equation over the
/// hole.
std::vector<FillMethod> baseline_methods();

/// Figures of many pictures, by name and in order: means of psnr_hole, psnr, ssim_hole, ssim,
/// l1_hole and l1 (see image_quality.h), and sharpness_hole, the energy of the gradient in the
/// holes relative to the originals', which is left out where those have none. Empty where there are
/// no pictures.
struct InpaintingFigures {
  int64_t pictures = 0;
  std::vector<std::pair<std::string, double>> values = {};
};

/// The pictures whose hole covers at least `from` of them, and less than `to`.
struct AreaBin {
  double from = 0, to = 0;
  InpaintingFigures figures = {};
};

struct InpaintingReport {
  InpaintingFigures all = {};
  std::vector<AreaBin> bins = {};  ///< Tenths of a picture; only those that have pictures.
};

/// Fills work.count pictures, spread over the data set, by `method` and compares them with the
/// originals. Called by all ranks; the result is the same on all of them and, to the rounding of
/// float64 sums, for any number of them. Memory does not grow with the count. Throws StopRequested
/// on all ranks when one of them got a signal.
InpaintingReport evaluate_inpainting(const FillMethod& method, const HoledPictures& pictures,
                                     const SharedWork& work, Communicator& communicator);

}  // namespace gm
