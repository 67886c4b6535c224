#include "run/run_log.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "eval/loss_evaluation.h"

namespace gm {

RunLog::RunLog(const RunDirectory& directory, Metrics& metrics, const Options& options)
    : directory_(directory), metrics_(metrics), keeps_best_(options.keeps_best) {
  if (!options.is_rank_zero) return;
  first_kinds_ = rewind_json_lines(directory.metrics(), options.first_step);
  json_lines_.emplace(directory.metrics());
  progress_.emplace(options.total_steps, options.log_every_seconds);
  if (options.profile_steps > 0) {
    profile_.emplace(options.profile_steps, directory.profile(), options.count_flops);
  }
}

void RunLog::write(std::string_view kind, const RunState& state,
                   const nlohmann::ordered_json& more) {
  if (!is_rank_zero()) return;
  report_lost_lines(state);
  count_lost_line(json_lines_->write(kind, state.step, state.samples, more));
}

/// Records the number of lost lines as soon as the disk has space again.
void RunLog::report_lost_lines(const RunState& state) {
  if (lost_lines_ == 0) return;
  const nlohmann::ordered_json event{{"event", "lines_lost"}, {"lines", lost_lines_}};
  if (json_lines_->write("event", state.step, state.samples, event)) lost_lines_ = 0;
}

void RunLog::count_lost_line(bool written) {
  if (written) return;
  ++lost_lines_;
  metrics_.record_lost_line();
}

void RunLog::started(const RunState& first, int restarts, const std::string& version,
                     const std::vector<TableRow>& rows) {
  nlohmann::ordered_json event{{"event", "started"}, {"version", version}};
  for (const auto& [label, text] : rows) event[label] = text;
  write("event", first, event);
  if (restarts > 0) write("event", first, {{"event", "restarted"}, {"restarts", restarts}});
}

void RunLog::step(const StepReport& report) {
  metrics_.record_step(report);
  if (json_lines_) {
    report_lost_lines({.step = report.step, .samples = report.samples});
    count_lost_line(json_lines_->write_step(report));
  }
  if (progress_) progress_->update(report);
  if (profile_) profile_->step(report);
}

void RunLog::samples(const RunState& state, const Artefact& samples, double seconds) {
  const std::string path = directory_.samples(state.step, samples.extension).string();
  try {
    samples.write(path);
    metrics_.record_samples(seconds);
    write("sample", state, {{"path", path}, {"seconds", seconds}});
    log_info("step {}: samples in {}", state.step, path);
  } catch (const Error& error) {
    write("event", state, {{"event", "samples_failed"}, {"reason", error.what()}});
    log_warning("step {}: the grid of samples was not written: {}", state.step, error.what());
  }
}

void RunLog::checkpoint(const SaveOutcome& outcome) {
  const auto& [info, folder, seconds, bytes, failure] = outcome;
  if (failure.empty()) {
    metrics_.record_checkpoint(info.state.step, bytes, seconds);
    write("checkpoint", info.state, {{"path", folder.string()}, {"seconds", seconds}});
    log_info("step {}: checkpoint in {}", info.state.step, folder.string());
  } else {
    metrics_.record_failed_checkpoint();
    write("event", info.state, {{"event", "checkpoint_failed"}, {"reason", failure}});
    log_warning("step {}: the checkpoint was not saved, earlier ones are kept: {}", info.state.step,
                failure);
  }
}

void RunLog::evaluation(const RunState& state, const EvaluationReport& report, double seconds) {
  metrics_.record_evaluation(report, seconds);
  if (!is_rank_zero()) return;
  const std::string remark = overfitting_remark(state, report);
  nlohmann::ordered_json line = evaluation_json(report);
  line.update(method_json(report));
  line["seconds"] = seconds;
  std::string text;
  for (const auto& [name, value] : report.figures) {
    line[name] = value;
    text += fmt::format("{}{} {:.4g}", text.empty() ? "" : ", ", name, value);
  }
  write("evaluation", state, line);
  log_info("step {}: {} of {} {}: {}", state.step, report.name, report.samples, report.counted,
           text);
  if (!remark.empty()) warning(state, remark);
}

/// Before the line of this evaluation is written: the monitor has seen the lines of an earlier
/// process, if the evaluation is the same.
std::string RunLog::overfitting_remark(const RunState& state, const EvaluationReport& report) {
  if (!find_figure(report.figures, kHeldOutLoss)) return {};
  if (!overfitting_) {
    overfitting_.emplace(keeps_best_);
    for (const auto& [step, figures] : comparable_evaluations(directory_.metrics(), report)) {
      overfitting_->observe(step, figures);
    }
  }
  return overfitting_->observe(state.step, report.figures);
}

void RunLog::warning(const RunState& state, const std::string& reason) {
  if (!is_rank_zero()) return;
  write("event", state, {{"event", "warning"}, {"reason", reason}});
  log_warning("step {}: {}", state.step, reason);
}

void RunLog::sync() {
  if (json_lines_) json_lines_->sync();
}

void RunLog::skipped_step(const StepReport& report, const std::vector<std::string>& phases,
                          int64_t in_a_row) {
  metrics_.record_skipped_step();
  if (!is_rank_zero()) return;
  const RunState state{.step = report.step, .samples = report.samples};
  write("event", state, {{"event", "nonfinite"}, {"phases", phases}, {"in_a_row", in_a_row}});
  log_warning(
      "step {}: the loss or gradient of {} is not finite, so its weights stay unchanged; loss {}, "
      "largest gradient norm {}",
      report.step, fmt::join(phases, " and of "), report.loss, report.gradient_norm);
}

}  // namespace gm
