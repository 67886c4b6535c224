/// The collectives of a world of several processes, over MPI.
#pragma once

#include "comm/communicator.h"
#include "comm/mpi_check.h"

namespace gm {

class MpiCommunicator final : public Communicator {
 public:
  /// MPI counts are ints, so larger tensors are sent in several calls.
  static constexpr int64_t kMaxCount = int64_t{1} << 30;

  /// Duplicates `ranks`. Called by all ranks together. `max_count`: the maximum number of elements
  /// in one MPI call; tests use a small one.
  explicit MpiCommunicator(MPI_Comm ranks, int64_t max_count = kMaxCount);
  ~MpiCommunicator() override;
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void all_reduce_sum(const at::Tensor& tensor) override;
  void all_reduce_max(const at::Tensor& tensor) override;
  std::unique_ptr<PendingReduction> start_all_reduce_sum(const at::Tensor& tensor) override;
  void broadcast(const at::Tensor& tensor, int root) override;
  at::Tensor all_gather(const at::Tensor& tensor) override;
  void barrier() override;
  std::unique_ptr<Communicator> duplicate() override;

 private:
  void all_reduce(const at::Tensor& tensor, MPI_Op operation);

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  int64_t max_count_;
};

}  // namespace gm
