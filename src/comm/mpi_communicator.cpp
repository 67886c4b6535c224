#include "comm/mpi_communicator.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "comm/mpi_wait.h"

namespace gm {
namespace {

MPI_Datatype mpi_type(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kInt:
      return MPI_INT32_T;
    case at::kLong:
      return MPI_INT64_T;
    case at::kByte:
      return MPI_UINT8_T;
    default:
      throw Error("a collective cannot take a tensor of type {}; convert it first",
                  c10::toString(tensor.scalar_type()));
  }
}

/// Throws Error unless MPI can read and write the tensor as one block of memory.
void require_host_memory(const at::Tensor& tensor) {
  if (!tensor.defined()) throw Error("a collective was given an undefined tensor");
  if (!tensor.device().is_cpu()) {
    throw Error("MPI takes host tensors only, not one on {}", tensor.device().str());
  }
  if (!tensor.is_contiguous()) {
    throw Error("a collective needs a contiguous tensor; call contiguous() first");
  }
}

/// Calls `transfer(address, count)` for consecutive pieces of at most `max_count` elements.
template <class Transfer>
void for_each_piece(const at::Tensor& tensor, int64_t max_count, Transfer transfer) {
  auto* address = static_cast<char*>(tensor.mutable_data_ptr());
  for (int64_t begin = 0; begin < tensor.numel(); begin += max_count) {
    const int64_t count = std::min(max_count, tensor.numel() - begin);
    transfer(address + begin * tensor.element_size(), static_cast<int>(count));
  }
}

class PendingMpiReduction final : public PendingReduction {
 public:
  explicit PendingMpiReduction(at::Tensor tensor) : tensor_(std::move(tensor)) {}

  ~PendingMpiReduction() override {
    // Incomplete only while an exception is handled. MPI cannot cancel a collective and may write
    // to the tensor until the process ends, so the memory is never freed.
    if (!complete_) new at::Tensor(tensor_);
  }

  MPI_Request* new_request() { return &requests_.emplace_back(MPI_REQUEST_NULL); }

  bool poll() override {
    if (complete_) return true;
    int complete = 0;
    GM_MPI_CHECK(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &complete,
                             MPI_STATUSES_IGNORE));
    return complete_ = complete != 0;
  }

  void wait() override {
    if (complete_) return;
    wait_for_all(requests_);
    complete_ = true;
  }

 private:
  at::Tensor tensor_;
  std::vector<MPI_Request> requests_;
  bool complete_ = false;
};

/// Waits for the one operation that `start(request)` starts.
template <class Start>
void complete(Start start) {
  MPI_Request request = MPI_REQUEST_NULL;
  start(&request);
  wait_for_all({&request, 1});
}

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm ranks, int64_t max_count) : max_count_(max_count) {
  GM_MPI_CHECK(MPI_Comm_dup(ranks, &comm_));
  GM_MPI_CHECK(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN));
  GM_MPI_CHECK(MPI_Comm_rank(comm_, &rank_));
  GM_MPI_CHECK(MPI_Comm_size(comm_, &size_));
}

MpiCommunicator::~MpiCommunicator() {
  // MPI_Comm_free waits for the other ranks, which may never call it if this rank is failing. The
  // world ends soon in either case, and MPI_Finalize frees what is left.
}

void MpiCommunicator::all_reduce(const at::Tensor& tensor, MPI_Op operation) {
  require_host_memory(tensor);
  const MPI_Datatype type = mpi_type(tensor);
  for_each_piece(tensor, max_count_, [&](void* piece, int count) {
    complete([&](MPI_Request* request) {
      GM_MPI_CHECK(MPI_Iallreduce(MPI_IN_PLACE, piece, count, type, operation, comm_, request));
    });
  });
}

void MpiCommunicator::all_reduce_sum(const at::Tensor& tensor) { all_reduce(tensor, MPI_SUM); }

void MpiCommunicator::all_reduce_max(const at::Tensor& tensor) { all_reduce(tensor, MPI_MAX); }

std::unique_ptr<PendingReduction> MpiCommunicator::start_all_reduce_sum(const at::Tensor& tensor) {
  require_host_memory(tensor);
  const MPI_Datatype type = mpi_type(tensor);
  auto pending = std::make_unique<PendingMpiReduction>(tensor);
  for_each_piece(tensor, max_count_, [&](void* piece, int count) {
    GM_MPI_CHECK(
        MPI_Iallreduce(MPI_IN_PLACE, piece, count, type, MPI_SUM, comm_, pending->new_request()));
  });
  return pending;
}

void MpiCommunicator::broadcast(const at::Tensor& tensor, int root) {
  require_host_memory(tensor);
  const MPI_Datatype type = mpi_type(tensor);
  for_each_piece(tensor, max_count_, [&](void* piece, int count) {
    complete([&](MPI_Request* request) {
      GM_MPI_CHECK(MPI_Ibcast(piece, count, type, root, comm_, request));
    });
  });
}

at::Tensor MpiCommunicator::all_gather(const at::Tensor& tensor) {
  require_host_memory(tensor);
  std::vector<int64_t> shape = tensor.sizes().vec();
  shape.insert(shape.begin(), size_);
  const at::Tensor gathered = at::empty(shape, tensor.options());
  if (tensor.numel() > max_count_) {
    gathered[rank_].copy_(tensor);
    for (int root = 0; root < size_; ++root) broadcast(gathered[root], root);
  } else {
    const int count = static_cast<int>(tensor.numel());
    complete([&](MPI_Request* request) {
      GM_MPI_CHECK(MPI_Iallgather(tensor.const_data_ptr(), count, mpi_type(tensor),
                                  gathered.mutable_data_ptr(), count, mpi_type(tensor), comm_,
                                  request));
    });
  }
  return gathered;
}

void MpiCommunicator::barrier() {
  complete([&](MPI_Request* request) { GM_MPI_CHECK(MPI_Ibarrier(comm_, request)); });
}

std::unique_ptr<Communicator> MpiCommunicator::duplicate() {
  return std::make_unique<MpiCommunicator>(comm_, max_count_);
}

}  // namespace gm
