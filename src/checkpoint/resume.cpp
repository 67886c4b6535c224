#include "checkpoint/resume.h"

#include <ranges>

#include "base/error.h"
#include "base/log.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

ResumePoint read_checkpoint(const CheckpointStore& store, const fs::path& folder,
                            std::string_view config_hash) {
  Checkpoint checkpoint(folder);
  const int64_t step = checkpoint.info().state.step;
  if (folder != store.folder_of(step)) {
    throw InputError("{}: holds the checkpoint of step {}", folder.string(), step);
  }
  if (checkpoint.info().identity.config_hash != config_hash) {
    throw InputError("{}: made with another configuration than the run's config.toml",
                     folder.string());
  }
  CheckpointTensors tensors = checkpoint.load_all();
  return {std::move(checkpoint), std::move(tensors)};
}

}  // namespace

std::optional<ResumePoint> find_resume_point(const CheckpointStore& store,
                                             std::string_view config_hash) {
  const auto folders = store.list();
  if (folders.empty()) return std::nullopt;
  std::string problems;
  for (const fs::path& folder : folders | std::views::reverse) {
    try {
      return read_checkpoint(store, folder, config_hash);
    } catch (const InputError& error) {
      log_warning("a checkpoint is passed over: {}", error.what());
      problems += fmt::format("{}{}", problems.empty() ? "" : "; ", error.what());
    }
  }
  throw InputError(
      "none of the run's checkpoints can be used ({}); restore one from a copy, or begin again "
      "with another run.dir",
      problems);
}

}  // namespace gm
