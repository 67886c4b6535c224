#include "run/trained_run.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/checkpoint_store.h"
#include "checkpoint/weights.h"
#include "comm/on_rank_zero.h"
#include "config/schema.h"
#include "config/toml.h"
#include "run/make_task.h"

namespace gm {
namespace {

/// What may differ from the run's own: it changes nothing that was trained.
constexpr std::array<std::string_view, 4> kOpenSections{"mask.", "repaint.", "evaluate.",
                                                        "watchdog."};

void assign(RunConfig& config, const std::vector<std::string>& assignments) {
  const Schema schema(config);
  for (const std::string& text : assignments) {
    const Assignment assignment = parse_override(text);
    const bool open = std::ranges::any_of(kOpenSections, [&](std::string_view section) {
      return assignment.key.starts_with(section);
    });
    if (!open) {
      throw InputError(
          "{}: is neither a directory nor a key that can be set for a trained run, which are those "
          "of "
          "mask, repaint, evaluate and watchdog",
          text);
    }
    schema.set(assignment);
  }
}

std::filesystem::path find_checkpoint(const std::string& run, std::optional<int64_t> step) {
  const CheckpointStore store(run);
  if (step) {
    const std::filesystem::path folder = store.folder_of(*step);
    std::error_code nothing_there;
    if (std::filesystem::exists(folder, nothing_there)) return folder;
    throw InputError("{}: there is no checkpoint of step {}; look into {}", run, *step,
                     folder.parent_path().string());
  }
  const auto latest = store.latest();
  if (!latest) throw InputError("{}: the run has no checkpoint yet", run);
  return *latest;
}

/// From the weights themselves, since the run's data may be elsewhere by now.
int64_t picture_channels(const TensorMap& weights, const std::filesystem::path& file) {
  const auto found = weights.find("final_conv.weight");
  if (found == weights.end() || found->second.dim() != 4) {
    throw InputError("{}: no weights of a U-Net: it has no final_conv.weight", file.string());
  }
  return found->second.size(0);
}

}  // namespace

TrainedRun open_trained_run(const std::string& run, const TrainedRun::Choice& choice,
                            const std::vector<std::string>& assignments,
                            Communicator& communicator) {
  TrainedRun trained{.name = run, .config = read_run_config(run), .shape = {}, .task = nullptr};
  assign(trained.config, assignments);
  // One rank decides: a run that goes on may save another checkpoint between two looks.
  const Checkpoint checkpoint(text_from_rank_zero(
      communicator, [&] { return find_checkpoint(run, choice.step).string(); }));
  const TensorMap weights = checkpoint.load(choice.weights);
  const auto file = checkpoint.file(choice.weights);
  const int64_t size = trained.config.data.image_size;
  trained.shape = {.height = size, .width = size, .channels = picture_channels(weights, file)};
  trained.task = make_task(trained.config, trained.shape);
  require_finite(weights, file);
  load_weights(trained.task->sampled_network().parameter_list(), weights, file);
  trained.task->sampled_network().weights_changed();
  trained.step = checkpoint.info().state.step;
  trained.data_hash = checkpoint.info().identity.data_hash;
  log_info("{}: checkpoint of step {}, {} weights", run, trained.step, choice.weights);
  return trained;
}

}  // namespace gm
