/// Collective operations on host tensors: the same interface for one process and for many.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gm {

/// A reduction in progress. The tensor must stay alive and unchanged until it is complete.
class PendingReduction {
 public:
  virtual ~PendingReduction() = default;
  /// Advances the operation; returns true once it is complete. Never blocks.
  virtual bool poll() = 0;
  /// Blocks until the operation is complete.
  virtual void wait() = 0;
};

/// Collective operations of all ranks.
///
/// Every rank calls the same operations in the same order, with tensors of the same shape and type:
/// an operation under `if (rank == 0)` blocks forever. Tensors are dense CPU tensors of float32,
/// float64, int32, int64 or uint8. Results are bit-identical on every rank, and in every run with
/// the same number of ranks. Failures of MPI are thrown as Error.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Replaces each element by its sum over the ranks.
  virtual void all_reduce_sum(const at::Tensor& tensor) = 0;
  /// Replaces each element by its maximum over the ranks. NaN has no defined effect here.
  virtual void all_reduce_max(const at::Tensor& tensor) = 0;
  /// As all_reduce_sum, but returns immediately. Several may be in progress. Every rank must start
  /// them in the same order, and may start other operations in between.
  virtual std::unique_ptr<PendingReduction> start_all_reduce_sum(const at::Tensor& tensor) = 0;
  /// Overwrites the tensor with that of rank `root`.
  virtual void broadcast(const at::Tensor& tensor, int root) = 0;
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
