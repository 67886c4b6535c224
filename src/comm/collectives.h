/// Collective operations on tensors of the run's device: the data plane of the ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

namespace gm {

class Communicator;

/// A reduction in progress. The tensor must stay alive and unchanged until it is complete.
class PendingReduction {
 public:
  virtual ~PendingReduction() = default;
  /// Advances the operation; returns true once wait() does not block any more. Never blocks.
  virtual bool poll() = 0;
  /// Returns when the result is in the tensor, or, on a device, when work that is started on the
  /// current stream afterwards finds it there.
  virtual void wait() = 0;
};

/// Every rank calls the same operations in the same order, with contiguous tensors of the same
/// shape and type: an operation under `if (rank == 0)` blocks forever. Results are bit-identical on
/// every rank, and in every run with the same number of ranks. Failures are thrown as Error.
///
/// On a device, an operation comes after the work that was started on the current stream before
/// it, and work that is started there after it (or after PendingReduction::wait()) finds its
/// result. The host need not wait.
class Collectives {
 public:
  virtual ~Collectives() = default;

  virtual int size() const = 0;
  /// Replaces each element by its sum over the ranks.
  virtual void all_reduce_sum(const at::Tensor& tensor) = 0;
  /// As all_reduce_sum, but does not wait for other ranks. Several may be in progress. Every rank
  /// must start them in the same order, and may start other operations in between.
  virtual std::unique_ptr<PendingReduction> start_all_reduce_sum(const at::Tensor& tensor) = 0;
  /// Overwrites the tensor with that of rank `root`.
  virtual void broadcast(const at::Tensor& tensor, int root) = 0;
};

/// Collectives of a device's tensors that travel through the host: the host waits for the device
/// and uses the operations of a communicator. Slow, but right on every device, and the reference
/// for faster ones.
class HostCollectives final : public Collectives {
 public:
  /// `communicator` outlives this object.
  explicit HostCollectives(Communicator& communicator) : communicator_(communicator) {}

  int size() const override;
  void all_reduce_sum(const at::Tensor& tensor) override;
  std::unique_ptr<PendingReduction> start_all_reduce_sum(const at::Tensor& tensor) override;
  void broadcast(const at::Tensor& tensor, int root) override;

 private:
  Communicator& communicator_;
};

}  // namespace gm
