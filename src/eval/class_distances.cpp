#include "eval/class_distances.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/list_names.h"
#include "eval/frechet_distance.h"
#include "eval/kernel_distance.h"

namespace gm {
namespace {

at::Tensor of_class(const LabelledFeatures& all, int64_t label) {
  return all.features.index_select(0, all.labels.eq(label).nonzero().flatten());
}

}  // namespace

at::Tensor matching_labels(const std::vector<std::string>& ours,
                           const std::vector<std::string>& theirs, const std::string& model) {
  std::vector<std::string> unknown;
  std::ranges::copy_if(theirs, std::back_inserter(unknown), [&](const std::string& name) {
    return std::ranges::find(ours, name) == ours.end();
  });
  if (!unknown.empty()) {
    throw InputError(
        "{}: knows the classes {}, but the images to compare with are of the classes {}: name "
        "images of its classes with --against, or ask for no kid",
        model, list_names(ours), list_names(unknown));
  }
  std::vector<int64_t> labels;
  for (const std::string& name : ours) {
    const auto found = std::ranges::find(theirs, name);
    labels.push_back(found == theirs.end() ? -1 : found - theirs.begin());
  }
  return at::tensor(labels, at::kLong);
}

std::vector<FigureBin> class_distances(const LabelledFeatures& samples,
                                       const LabelledFeatures& references,
                                       const std::vector<std::string>& classes,
                                       const ClassFigureNames& names, Communicator& communicator) {
  std::vector<FigureBin> bins;
  for (size_t label = 0; label < classes.size(); ++label) {
    const at::Tensor ours = of_class(samples, static_cast<int64_t>(label)),
                     theirs = of_class(references, static_cast<int64_t>(label));
    const int64_t fewest = std::min(ours.size(0), theirs.size(0));
    if (fewest < kFewestOfClass) continue;
    FigureBin bin{.label = classes[label], .samples = ours.size(0)};
    if (!names.frechet.empty() && fewest > ours.size(1)) {
      bin.figures.emplace_back(names.frechet,
                               frechet_distance(statistics_of(ours, communicator),
                                                statistics_of(theirs, communicator), communicator));
    }
    if (!names.kernel.empty()) {
      const KernelDistance distance = kernel_distance(ours, theirs, communicator);
      bin.figures.emplace_back(names.kernel, distance.value);
      bin.figures.emplace_back(names.kernel + "_error", distance.standard_error);
    }
    bins.push_back(std::move(bin));
  }
  return bins;
}

}  // namespace gm
