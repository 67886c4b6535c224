#include "checkpoint/find_checkpoint.h"

#include "base/error.h"
#include "base/log.h"

namespace gm {
namespace fs = std::filesystem;

std::optional<Checkpoint> newest_good(const CheckpointStore& store,
                                      const std::function<void(const Checkpoint&)>& read) {
  const auto candidates = store.candidates();
  if (candidates.empty()) return std::nullopt;
  std::string problems;
  for (const fs::path& candidate : candidates) {
    try {
      Checkpoint checkpoint = store.open(candidate);
      read(checkpoint);
      return checkpoint;
    } catch (const InputError& error) {
      log_warning("a checkpoint is rejected: {}", error.what());
      problems += fmt::format("{}{}", problems.empty() ? "" : "; ", error.what());
    }
  }
  throw InputError(
      "none of the run's checkpoints can be used ({}); restore one from a copy, or begin again "
      "with another run.dir",
      problems);
}

std::optional<ResumePoint> find_resume_point(const CheckpointStore& store,
                                             std::string_view config_hash) {
  CheckpointTensors tensors;
  auto checkpoint = newest_good(store, [&](const Checkpoint& candidate) {
    if (candidate.info().identity.config_hash != config_hash) {
      throw InputError("{}: made with another configuration than the run's config.toml",
                       candidate.folder().string());
    }
    tensors = candidate.load_all();
  });
  if (!checkpoint) return std::nullopt;
  return ResumePoint{*std::move(checkpoint), std::move(tensors)};
}

}  // namespace gm
