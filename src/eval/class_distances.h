/// The distance between samples and images of each class.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "telemetry/evaluation_report.h"

namespace gm {

/// Features and the class of each.
struct LabelledFeatures {
  at::Tensor features;  ///< float32 [n,D] on the CPU, the same on all ranks.
  at::Tensor labels;    ///< int64 [n].
};

/// The label that images with the classes `theirs` have for each of the classes `ours`: int64,
/// -1 for those that they do not have. Classes are equal if their names are. Throws InputError,
/// which names them, if images have a class that is not in `ours`, the classes of `model`.
at::Tensor matching_labels(const std::vector<std::string>& ours,
                           const std::vector<std::string>& theirs, const std::string& model);

/// Fewer samples or images of a class than this have no distance worth its name.
inline constexpr int64_t kFewestOfClass = 10;

/// Names of the figures of a class; empty: not wanted.
struct ClassFigureNames {
  std::string frechet;  ///< Left out unless there are more features than dimensions on each side.
  std::string kernel;   ///< With its standard error as NAME_error.
};

/// The figures of each class, named by `classes`, that has kFewestOfClass samples and references.
/// Called by all ranks, which get the same.
std::vector<FigureBin> class_distances(const LabelledFeatures& samples,
                                       const LabelledFeatures& references,
                                       const std::vector<std::string>& classes,
                                       const ClassFigureNames& names, Communicator& communicator);

}  // namespace gm
