/// The kernel distance between sets of features (KID).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "comm/communicator.h"

namespace gm {

// The squared maximum mean discrepancy with the kernel k(x, y) = (x.y / D + 1)^3 (Binkowski,
// Sutherland, Arbel, Gretton, "Demystifying MMD GANs", 2018). Unlike the Frechet distance it has an
// estimate without bias for any number of images; an estimate may be negative.
//
// Features are float [n,D] on the CPU, the same on all ranks, with n of at least 3. The pairs are
// divided among the ranks. Functions are called by all ranks, which get the same. They throw
// StopRequested on all ranks if one of them received a signal, Error if a feature is NaN or
// infinite.

struct KernelDistance {
  double value = 0;
  double standard_error = 0;  ///< Of `value`, by leaving out one feature after the other.
};

/// The unbiased estimate from all pairs, and its error by the jackknife (Efron and Stein, "The
/// jackknife estimate of variance", 1981), which needs no further pass over the pairs.
KernelDistance kernel_distance(const at::Tensor& samples, const at::Tensor& references,
                               Communicator& communicator);

/// The procedure of clean-fid and StyleGAN3: the mean of the unbiased estimates from 100 pairs of
/// random subsets of at most 1000 features. `seed` draws the subsets.
double kernel_distance_of_subsets(const at::Tensor& samples, const at::Tensor& references,
                                  uint64_t seed, Communicator& communicator);

}  // namespace gm
