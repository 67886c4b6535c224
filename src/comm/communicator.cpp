#include "comm/communicator.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>

namespace gm {
namespace {

class CompleteReduction final : public PendingReduction {
 public:
  bool poll() override { return true; }
  void wait() override {}
};

/// The bytes of a text as a tensor [length] of uint8, padded with zeros.
at::Tensor bytes_of(std::string_view text, int64_t length) {
  at::Tensor bytes = at::zeros({length}, at::kByte);
  std::ranges::copy(text, bytes.mutable_data_ptr<uint8_t>());
  return bytes;
}

std::string to_text(const at::Tensor& bytes, int64_t length) {
  return {static_cast<const char*>(bytes.const_data_ptr()), static_cast<size_t>(length)};
}

at::Tensor length_tensor(std::string_view text) {
  return at::scalar_tensor(static_cast<int64_t>(text.size()), at::kLong);
}

}  // namespace

std::string Communicator::broadcast_text(std::string_view text, int root) {
  if (rank() != root) text = {};
  at::Tensor length = length_tensor(text);
  broadcast(length, root);
  at::Tensor bytes = bytes_of(text, length.item<int64_t>());
  broadcast(bytes, root);
  return to_text(bytes, bytes.numel());
}

std::vector<std::string> Communicator::all_gather_text(std::string_view text) {
  const at::Tensor lengths = all_gather(length_tensor(text));
  const at::Tensor bytes = all_gather(bytes_of(text, lengths.max().item<int64_t>()));
  std::vector<std::string> texts;
  for (int r = 0; r < size(); ++r) {
    texts.push_back(to_text(bytes[r], lengths[r].item<int64_t>()));
  }
  return texts;
}

std::unique_ptr<PendingReduction> SelfCommunicator::start_all_reduce_sum(const at::Tensor&) {
  return std::make_unique<CompleteReduction>();
}

at::Tensor SelfCommunicator::all_gather(const at::Tensor& tensor) {
  return tensor.unsqueeze(0).clone();
}

std::unique_ptr<Communicator> SelfCommunicator::duplicate() {
  return std::make_unique<SelfCommunicator>();
}

}  // namespace gm
