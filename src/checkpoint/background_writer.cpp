#include "checkpoint/background_writer.h"

#include <ATen/ops/empty.h>

#include <stdexcept>

#include "base/error.h"

namespace gm {
namespace {

using Clock = std::chrono::steady_clock;

/// Copies are contiguous, as in the file: the thread that writes them need not convert them.
void copy_tensors(const CheckpointTensors& from, CheckpointTensors& to) {
  for (const auto& [file, tensors] : from) {
    for (const auto& [name, tensor] : tensors) {
      at::Tensor& copy = to[file][name];
      if (!copy.defined()) copy = at::empty(tensor.sizes(), tensor.options().device(at::kCPU));
      copy.copy_(tensor);
    }
  }
}

int64_t bytes_of(const CheckpointTensors& tensors) {
  int64_t bytes = 0;
  for (const auto& [file, content] : tensors) {
    for (const auto& [name, tensor] : content) bytes += static_cast<int64_t>(tensor.nbytes());
  }
  return bytes;
}

SaveOutcome save(CheckpointStore& store, const CheckpointInfo& info,
                 const CheckpointTensors& tensors, Clock::time_point start) {
  SaveOutcome outcome{.info = info, .bytes = bytes_of(tensors)};
  try {
    outcome.folder = store.save(info, tensors);
  } catch (const std::exception& error) {
    outcome.failure = error.what();
  }
  outcome.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return outcome;
}

}  // namespace

void BackgroundWriter::start(const CheckpointInfo& info, const CheckpointTensors& tensors,
                             std::shared_ptr<void> held) {
  if (pending_.valid()) throw std::logic_error("a checkpoint is already being saved");
  const auto start = Clock::now();
  copy_tensors(tensors, copy_);
  pending_ = std::async(std::launch::async, [this, info, start, held = std::move(held)]() mutable {
    SaveOutcome outcome = save(store_, info, copy_, start);
    held.reset();
    return outcome;
  });
}

std::optional<SaveOutcome> BackgroundWriter::poll() {
  return ends_within(std::chrono::seconds(0)) ? wait() : std::nullopt;
}

bool BackgroundWriter::ends_within(std::chrono::duration<double> patience) const {
  return !pending_.valid() || pending_.wait_for(patience) == std::future_status::ready;
}

std::optional<SaveOutcome> BackgroundWriter::wait() {
  return pending_.valid() ? std::optional(pending_.get()) : std::nullopt;
}

}  // namespace gm
