/// Saves checkpoints while training continues.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "checkpoint/checkpoint_store.h"

namespace gm {

/// How a save ended.
struct SaveOutcome {
  CheckpointInfo info;
  std::filesystem::path folder = {};
  double seconds = 0;        ///< From the start of the copy to the durable checkpoint.
  int64_t bytes = 0;         ///< Of the tensors.
  std::string failure = {};  ///< Why there is no checkpoint; empty when there is one.
};

/// One save at a time: start() copies the state in memory, and a separate thread writes the copy.
/// The memory of the copy is kept for the next save; it is as large as the state.
class BackgroundWriter {
 public:
  /// `store` outlives the writer.
  explicit BackgroundWriter(CheckpointStore& store) : store_(store) {}
  /// Waits for the save under way.
  ~BackgroundWriter() = default;
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  /// Starts a save of the tensors as they are now; they may change after it returns. Expects that
  /// poll() or wait() has returned the outcome of the previous save. `held` is released when the
  /// save ends.
  void start(const CheckpointInfo& info, const CheckpointTensors& tensors,
             std::shared_ptr<void> held = nullptr);
  /// The outcome of the save, returned once; nullopt while it continues, or if there is none.
  std::optional<SaveOutcome> poll();
  /// Whether no save is in progress, or it ends within this time.
  bool ends_within(std::chrono::duration<double> patience) const;
  /// As poll(), but waits for the end.
  std::optional<SaveOutcome> wait();

 private:
  CheckpointStore& store_;
  CheckpointTensors copy_;
  std::future<SaveOutcome> pending_;  // last: its destructor waits for the save
};

}  // namespace gm
