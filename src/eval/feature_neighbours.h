/// Neighbours among features: precision and recall of generated images, and their nearest training
/// images.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "comm/communicator.h"

namespace gm {

// Features are float [n,D] on the CPU, the same on all ranks. The pairs are divided among the
// ranks; distances are Euclidean, computed in float64. Functions are called by all ranks, which get
// the same. They throw StopRequested on all ranks if one of them received a signal, Error if a
// feature is NaN or infinite.

/// The neighbour that sets the radius around a feature: k of Kynkaanniemi et al.
inline constexpr int64_t kRadiusNeighbour = 3;

struct PrecisionAndRecall {
  double precision = 0;  ///< Fraction of the samples that look like a reference.
  double recall = 0;     ///< Fraction of the references that look like a sample.
};

/// A feature looks like one of a set if it is within the radius of at least one feature of the set;
/// the radius of a feature is the distance to its third neighbour in the set (Kynkaanniemi, Karras,
/// Laine, Lehtinen, Aila, "Improved precision and recall metric for assessing generative models",
/// 2019). Both sets need more than kRadiusNeighbour features; Error otherwise. Compare figures only
/// for equal numbers of images.
PrecisionAndRecall precision_and_recall(const at::Tensor& samples, const at::Tensor& references,
                                        Communicator& communicator);

/// The nearest reference of each sample, to find samples that copy a training image.
struct NearestNeighbours {
  at::Tensor indices;    ///< int64 [n]: of the references. The first one of equally near ones.
  at::Tensor distances;  ///< float64 [n].
};
NearestNeighbours nearest_neighbours(const at::Tensor& samples, const at::Tensor& references,
                                     Communicator& communicator);

}  // namespace gm
