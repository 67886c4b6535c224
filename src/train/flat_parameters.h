/// One network's parameters and everything of the same size, each as one contiguous buffer.
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
  /// afterwards. Throws Error where there are none, and on a parameter that is not float32, not
  /// dense, does not require a gradient, or is named twice.
  explicit FlatParameters(const NamedTensors& parameters);

  /// From now on there is a moving average, at first a copy of the parameters.
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
  /// Where each parameter's gradient lies: for a BucketedReducer.
  std::vector<GradientSlice> gradient_slices() const;
  /// Makes all gradients zero. Use this, never set a gradient to undefined.
  void zero_gradients();
  /// Hash of the parameters, equal on two ranks when they are equal to the last bit.
  std::string hash() const;

  /// While it lives, the network computes with the moving average instead of the parameters. There
  /// has to be one. Do not train meanwhile. Whatever the network derives from its weights has to be
  /// told of both changes.
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
