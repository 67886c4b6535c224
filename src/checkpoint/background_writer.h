/// Saves checkpoints while the training continues.
#pragma once

#include <chrono>
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
  std::string failure = {};  ///< Why there is no checkpoint; empty when there is one.
};

/// One save at a time: the state is copied, which takes as long as reading and writing it in
/// memory, and written by a thread of its own. The copy's memory is kept from one save to the next;
/// it is as large as the state.
class BackgroundWriter {
 public:
  /// `store` outlives the writer.
  explicit BackgroundWriter(CheckpointStore& store) : store_(store) {}
  /// Waits for the save under way.
  ~BackgroundWriter() = default;
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  /// Starts a save of the tensors as they are now; they may change when it returns. Expects that
  /// the save before has been taken note of by poll() or wait().
  /// `held` is let go when the save ends.
  void start(const CheckpointInfo& info, const CheckpointTensors& tensors,
             std::shared_ptr<void> held = nullptr);
  /// How the save that was started ended, once; nothing while it continues, or when there is none.
  std::optional<SaveOutcome> poll();
  /// Whether nothing is being saved, or it ends within this time.
  bool ends_within(std::chrono::duration<double> patience) const;
  /// As poll(), but waits for the end.
  std::optional<SaveOutcome> wait();

 private:
  CheckpointStore& store_;
  CheckpointTensors copy_;
  std::future<SaveOutcome> under_way_;  // last: its end needs the others
};

}  // namespace gm
