#include "run/broadcast_checkpoint.h"

#include "base/error.h"
#include "comm/on_rank_zero.h"

namespace gm {
namespace {

void require_files(const ResumePoint& point, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    if (point.tensors.contains(file)) continue;
    throw InputError("{}: {}.safetensors is missing; the run cannot resume without it",
                     point.checkpoint.folder().string(), file);
  }
}

}  // namespace

std::optional<ResumedRun> agree_on_checkpoint(Communicator& communicator, CheckpointStore& store,
                                              const RunIdentity& identity,
                                              const std::vector<std::string>& files) {
  CheckpointTensors tensors;
  const std::string manifest = text_from_rank_zero(communicator, [&] {
    auto point = find_resume_point(store, identity.config_hash);
    if (!point) return std::string();
    if (point->checkpoint.info().identity.data_hash != identity.data_hash) {
      throw InputError(
          "{}: the run was trained on other images or masks than those of data.path and mask.path; "
          "give the run's own images and masks, or another run.dir",
          point->checkpoint.folder().string());
    }
    require_files(*point, files);
    store.roll_back_to(point->checkpoint);
    tensors = std::move(point->tensors);
    return point->checkpoint.manifest();
  });
  if (manifest.empty()) return std::nullopt;
  return ResumedRun{parse_manifest(manifest, "the checkpoint of rank 0"), std::move(tensors)};
}

}  // namespace gm
