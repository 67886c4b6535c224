/// The parameters of a network and all state of the same size, each in one contiguous buffer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "base/state_dict.h"
#include "comm/gradient_reducer.h"

namespace gm {

/// The parameters, gradients, Adam moments and, if wanted, moving average of one network: float32,
/// each in one flat buffer [size()] of the same layout. The network's own tensors become views of
/// the parameters, and their gradients views of the gradients, so that all-reduce, clipping, Adam,
/// EMA and hashing each work on one large tensor.
///
/// Each parameter starts at a multiple of 64 bytes and keeps its strides (channels last stays
/// channels last). The gaps between them are zero in every buffer and stay zero under any
/// element-wise update.
class FlatParameters {
 public:
  /// `parameters`: every trainable parameter of the network with its name, dense float32 tensors on
  /// one device. Moments start at zero. The network must not be moved to another device or type
  /// afterwards. Throws Error when there are no parameters, when one is not float32, is not dense
  /// or does not require a gradient, or when two have the same name.
  explicit FlatParameters(const NamedTensors& parameters);

  /// Adds a moving average, initially a copy of the parameters.
  void keep_average();

  /// The buffers, [size()], gaps included.
  const at::Tensor& parameters() const { return parameters_; }
  const at::Tensor& gradients() const { return gradients_; }
  const at::Tensor& first_moments() const { return first_moments_; }
  const at::Tensor& second_moments() const { return second_moments_; }
  /// Undefined unless an average is kept.
  const at::Tensor& ema() const { return ema_; }

  /// Elements of a buffer, gaps included.
  int64_t size() const { return parameters_.numel(); }
  /// Elements of all parameters, without gaps.
  int64_t parameter_count() const { return parameter_count_; }

  /// The tensors of the network as views of any buffer of this layout: for checkpoints and tests.
  NamedTensors named_views(const at::Tensor& buffer) const;
  /// Position of the gradient of each parameter, for a BucketedReducer.
  std::vector<GradientSlice> gradient_slices() const;
  /// Sets all gradients to zero. Never set a gradient to undefined instead.
  void zero_gradients();
  /// Hash of the parameters; equal on two ranks if and only if they are bitwise equal.
  std::string hash() const;

  /// During its lifetime, the network uses the moving average instead of the parameters. Expects
  /// that an average is kept. Do not train during this time. Caches that depend on the weights must
  /// be invalidated after construction and after destruction.
  class [[nodiscard]] UseEma {
   public:
    explicit UseEma(FlatParameters& flat) : flat_(flat) { flat_.point_network_at(flat_.ema_); }
    ~UseEma() { flat_.point_network_at(flat_.parameters_); }
    UseEma(const UseEma&) = delete;
    UseEma& operator=(const UseEma&) = delete;

   private:
    FlatParameters& flat_;
  };

 private:
  struct Slice {
    std::string name;
    at::Tensor tensor;
    int64_t offset;
  };

  at::Tensor view(const at::Tensor& buffer, const Slice& slice) const;
  void point_network_at(const at::Tensor& buffer);

  std::vector<Slice> slices_;
  int64_t parameter_count_ = 0;
  at::Tensor parameters_;
  at::Tensor gradients_;
  at::Tensor first_moments_;
  at::Tensor second_moments_;
  at::Tensor ema_;
};

}  // namespace gm
