#include "run/load_run.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/enum_names.h"
#include "base/error.h"
#include "base/log.h"
#include "checkpoint/find_checkpoint.h"
#include "checkpoint/weights.h"
#include "comm/on_rank_zero.h"
#include "config/schema.h"
#include "config/toml.h"
#include "run/make_task.h"
#include "run/run_lock.h"

namespace gm {
namespace {

/// Sections that a user may override: they do not affect the trained weights.
constexpr std::array<std::string_view, 5> kOpenSections{"mask.", "sampler.", "repaint.",
                                                        "evaluate.", "watchdog."};

void assign(RunConfig& config, const std::vector<std::string>& assignments) {
  const Schema schema(config);
  for (const std::string& text : assignments) {
    const Assignment assignment = parse_override(text);
    const bool open = std::ranges::any_of(kOpenSections, [&](std::string_view section) {
      return assignment.key.starts_with(section);
    });
    if (!open) {
      throw InputError(
          "{}: is neither a directory nor a key that can be set for a trained run; those are the "
          "keys of mask, sampler, repaint, evaluate and watchdog",
          text);
    }
    schema.set(assignment);
  }
}

/// A checkpoint of a run, and the chosen weights (ema or model).
struct Opened {
  Checkpoint checkpoint;
  TensorMap weights;
};

Opened open_folder(const std::filesystem::path& folder, const std::string& weights) {
  Checkpoint checkpoint(folder);
  TensorMap tensors = checkpoint.load(weights);
  return {std::move(checkpoint), std::move(tensors)};
}

Opened open_step(const std::string& run, int64_t step, const std::string& weights) {
  const std::filesystem::path folder = CheckpointStore(run).folder_of(step);
  std::error_code nothing_there;
  if (std::filesystem::exists(folder, nothing_there)) return open_folder(folder, weights);
  throw InputError("{}: there is no checkpoint of step {}; see the folder {}", run, step,
                   folder.parent_path().string());
}

Opened open_newest(const std::string& run, const std::string& weights) {
  TensorMap tensors;
  auto checkpoint = newest_good(CheckpointStore(run), [&](const Checkpoint& candidate) {
    tensors = candidate.load(weights);
  });
  if (!checkpoint) throw InputError("{}: the run has no checkpoint yet", run);
  return {*std::move(checkpoint), std::move(tensors)};
}

Opened open_best(const std::string& run, const std::string& weights) {
  if (const auto best = CheckpointStore(run).best()) return open_step(run, best->step, weights);
  throw InputError(
      "{}: no checkpoint is marked as the best; a run marks them if checkpoint.keep_best is set",
      run);
}

Opened open_chosen(const std::string& run, const LoadedRun::Choice& choice) {
  const std::string weights = name_of(choice.weights);
  if (choice.best) return open_best(run, weights);
  return choice.step ? open_step(run, *choice.step, weights) : open_newest(run, weights);
}

/// Rank 0 chooses the checkpoint: a run that is still training may save another one at any time.
Opened open_checkpoint(const std::string& run, const LoadedRun::Choice& choice,
                       Communicator& communicator) {
  std::optional<Opened> opened;
  const std::string folder = text_from_rank_zero(communicator, [&] {
    opened = open_chosen(run, choice);
    return opened->checkpoint.folder().string();
  });
  return opened ? *std::move(opened) : open_folder(folder, name_of(choice.weights));
}

/// Unless the user has named the step.
void warn_if_run_trains(const LoadedRun& run, const LoadedRun::Choice& choice) {
  const auto holder = choice.step ? std::nullopt : RunLock::holder(run.name);
  if (!holder) return;
  log_warning(
      "{}: {} trains this run, so the same command may use another checkpoint later; --step {} "
      "names this one",
      run.name, *holder, run.step);
}

/// Of the checkpoint, because the run's dataset may have been moved. Older checkpoints do not say
/// it, but their network does.
int64_t image_channels(const CheckpointInfo& info, const TensorMap& weights,
                       const std::filesystem::path& file) {
  if (info.sample_shape.size() == 3) {
    const int64_t channels = info.sample_shape.front();
    if (channels == 1 || channels == 3) return channels;
    throw InputError("{}: its manifest says {} channels, but images have 1 or 3", file.string(),
                     channels);
  }
  const auto found = weights.find("final_conv.weight");
  if (found == weights.end() || found->second.dim() != 4) {
    throw InputError("{}: not the weights of a U-Net: final_conv.weight is missing", file.string());
  }
  return found->second.size(0);
}

}  // namespace

LoadedRun load_run(const std::string& run, const LoadedRun::Choice& choice,
                   const std::vector<std::string>& assignments, Communicator& communicator,
                   at::Device device) {
  LoadedRun trained{.name = run, .config = read_run_config(run), .shape = {}, .task = nullptr};
  assign(trained.config, assignments);
  const auto [checkpoint, weights] = open_checkpoint(run, choice, communicator);
  const std::string name = name_of(choice.weights);
  const auto file = checkpoint.file(name);
  const int64_t size = trained.config.data.image_size;
  trained.shape = {
      .height = size, .width = size, .channels = image_channels(checkpoint.info(), weights, file)};
  trained.task = make_task(trained.config, trained.shape, /*masks=*/nullptr, device,
                           checkpoint.info().classes);
  require_finite(weights, file);
  load_weights(trained.task->sampled_network().state_list(), weights, file);
  trained.task->sampled_network().invalidate_cache();
  trained.step = checkpoint.info().state.step;
  trained.weights = choice.weights;
  trained.weights_hash = checkpoint.hash(name);
  trained.class_names = checkpoint.info().class_names;
  trained.data_hash = checkpoint.info().identity.data_hash;
  log_info("{}: checkpoint of step {}, {} weights", run, trained.step, name);
  if (communicator.rank() == 0) warn_if_run_trains(trained, choice);
  return trained;
}

}  // namespace gm
