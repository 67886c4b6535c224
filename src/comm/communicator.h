/// Collective operations on host tensors: the control plane of the ranks. The same interface for
/// one process and for many.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "comm/collectives.h"

namespace gm {

/// Collective operations of all ranks on host values. Tensors are dense CPU tensors of float32,
/// float64, int32, int64 or uint8. See Collectives for the rules.
class Communicator : public Collectives {
 public:
  virtual int rank() const = 0;

  /// Replaces each element by its maximum over the ranks. NaN has no defined effect here.
  virtual void all_reduce_max(const at::Tensor& tensor) = 0;
  /// The tensors of all ranks, stacked: [size, ...], entry r from rank r.
  virtual at::Tensor all_gather(const at::Tensor& tensor) = 0;
  /// Returns once every rank has called it.
  virtual void barrier() = 0;

  /// Another communicator of the same ranks, whose operations do not mix with this one's: for
  /// another thread. Called by all ranks together.
  virtual std::unique_ptr<Communicator> duplicate() = 0;

  /// The text of rank `root`; the texts of the other ranks are ignored.
  std::string broadcast_text(std::string_view text, int root);
  /// The texts of all ranks, which may differ in length.
  std::vector<std::string> all_gather_text(std::string_view text);
};

/// For a world of one rank: nothing is exchanged.
class SelfCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void all_reduce_sum(const at::Tensor&) override {}
  void all_reduce_max(const at::Tensor&) override {}
  std::unique_ptr<PendingReduction> start_all_reduce_sum(const at::Tensor& tensor) override;
  void broadcast(const at::Tensor&, int) override {}
  at::Tensor all_gather(const at::Tensor& tensor) override;
  void barrier() override {}
  std::unique_ptr<Communicator> duplicate() override;
};

}  // namespace gm
