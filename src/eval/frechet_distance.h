/// The Frechet distance between Gaussian distributions of features, as in the FID.
#pragma once

#include "eval/feature_moments.h"

namespace gm {

/// |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^1/2) (Dowson and Landau, "The Frechet distance between
/// multivariate normal distributions", 1982; Heusel et al., "GANs trained by a two time-scale
/// update rule converge to a local Nash equilibrium", 2017). At least 0.
///
/// The trace of (S1 S2)^1/2 is the sum of the singular values of F1^T F2 with Si = Fi Fi^T. So
/// there are no complex numbers, and no change of the diagonals, also if the covariances are
/// singular, as those of fewer images than dimensions are.
///
/// Takes O(D^3) time and 60 D^2 bytes. Throws Error if the dimensions differ, or if a value is NaN
/// or infinite.
double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b);
/// The same. Rank 0 computes it for all, so that all have the same digits. The other ranks lend no
/// cores, but the decompositions of one matrix cannot be divided. Called by all ranks.
double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b,
                        Communicator& communicator);

}  // namespace gm
