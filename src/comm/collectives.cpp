#include "comm/collectives.h"

#include "comm/communicator.h"
#include "device/transfer.h"

namespace gm {
namespace {

/// The reduction of a world of one.
class NothingToReduce final : public PendingReduction {
 public:
  bool poll() override { return true; }
  void wait() override {}
};

/// The reduction of a copy on the host, which wait() copies back.
class HostReduction final : public PendingReduction {
 public:
  HostReduction(Communicator& communicator, const at::Tensor& tensor)
      : tensor_(tensor),
        host_(download(tensor)),
        reduction_(communicator.start_all_reduce_sum(host_)) {}

  bool poll() override { return reduction_->poll(); }

  void wait() override {
    reduction_->wait();
    tensor_.copy_(upload(host_, tensor_.device()));
  }

 private:
  at::Tensor tensor_;
  at::Tensor host_;
  std::unique_ptr<PendingReduction> reduction_;
};

}  // namespace

int HostCollectives::size() const { return communicator_.size(); }

void HostCollectives::all_reduce_sum(const at::Tensor& tensor) {
  start_all_reduce_sum(tensor)->wait();
}

std::unique_ptr<PendingReduction> HostCollectives::start_all_reduce_sum(const at::Tensor& tensor) {
  if (size() == 1) return std::make_unique<NothingToReduce>();
  return std::make_unique<HostReduction>(communicator_, tensor);
}

void HostCollectives::broadcast(const at::Tensor& tensor, int root) {
  if (size() == 1) return;
  const at::Tensor host = download(tensor);
  communicator_.broadcast(host, root);
  tensor.copy_(upload(host, tensor.device()));
}

}  // namespace gm
