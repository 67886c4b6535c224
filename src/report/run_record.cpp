#include "report/run_record.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/files.h"
#include "checkpoint/checkpoint_store.h"
#include "run/run_directory.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;  // rows keep the order of the file

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kLongestLine = 1 << 16;
constexpr std::string_view kSeconds = "_seconds";

/// The field as a number; NaN if it is missing, null, or of another type.
double number(const Json& line, const std::string& name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_number() ? found->get<double>() : kUnknown;
}

std::string word(const Json& line, const std::string& name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

/// An integer that a double holds exactly; 0 if it is missing or no such number.
int64_t integer(const Json& line, const std::string& name) {
  const double value = number(line, name);
  return std::abs(value) <= 9e15 ? static_cast<int64_t>(value) : 0;
}

double or_zero(double value) { return std::isfinite(value) ? value : 0; }

template <class T>
void keep_newest(std::deque<T>& lines, T line, size_t most) {
  if (lines.size() == most) lines.pop_front();
  lines.push_back(std::move(line));
}

/// Null if there are too many, as in a file that is damaged or not of a run.
DownsampledCurve* part_curve(RunRecord& run, const std::string& part) {
  const auto found = std::ranges::find(run.parts, part, [](const auto& one) { return one.first; });
  if (found != run.parts.end()) return &found->second;
  if (run.parts.size() == RunRecord::kMostNames) return nullptr;
  return &run.parts.emplace_back(part, DownsampledCurve()).second;
}

/// Null if `by_name` has no place for another name.
template <class T>
T* entry_of(std::map<std::string, T>& by_name, const std::string& name) {
  if (by_name.size() == RunRecord::kMostNames && !by_name.contains(name)) return nullptr;
  return &by_name[name];
}

/// Each field that changes from step to step has a curve.
void add_to_curves(RunRecord& run, const Json& line) {
  const auto step = static_cast<double>(run.last_step);
  bool all_have_a_place = true;
  const auto add = [&](DownsampledCurve* curve, const std::string& name) {
    if (curve) curve->add(step, number(line, name));
    all_have_a_place = all_have_a_place && curve;
  };
  for (const auto& [name, value] : line.items()) {
    const bool is_loss = name == "loss" || name.starts_with("loss_");
    const bool is_part = name.ends_with(kSeconds) && name != "step_seconds";
    if (is_part) {
      add(part_curve(run, name.substr(0, name.size() - kSeconds.size())), name);
    } else if (is_loss || name == "learning_rate" || name == "gradient_norm" ||
               name == "slowest_ratio" || name == "images_per_second") {
      add(entry_of(run.curves, name), name);
    }
  }
  if (!all_have_a_place) run.unreadable_lines += 1;
}

void add_step(RunRecord& run, const Json& line) {
  const int64_t step = integer(line, "step");
  if (step <= run.last_step) return;  // a line that a killed process left
  run.last_step = step;
  run.last_images = integer(line, "images");
  run.step_seconds += or_zero(number(line, "step_seconds"));
  add_to_curves(run, line);
  keep_newest(run.recent,
              {.step = step,
               .gradient_norm = number(line, "gradient_norm"),
               .images_per_second = number(line, "images_per_second"),
               .step_seconds = number(line, "step_seconds"),
               .data_seconds = number(line, "data_seconds"),
               .slowest_ratio = number(line, "slowest_ratio"),
               .slowest_rank = number(line, "slowest_rank")},
              RunRecord::kMostRecent);
}

/// Fields that all evaluations have, and the hash of the weights, which differs at every step.
bool is_of_line(const std::string& name) {
  static const std::set<std::string> kNames{"kind",       "step",    "images",      "time",
                                            "evaluation", "seconds", "weights_hash"};
  return kNames.contains(name);
}

/// Figures are numbers with a fraction, and null. The keys that they depend on may be such numbers
/// too, but have a section: "sampler.eta".
bool is_figure(const std::string& name, const Json& value) {
  return (value.is_number_float() || value.is_null()) && name.find('.') == std::string::npos;
}

void add_evaluation(RunRecord& run, const Json& line) {
  EvaluationLine evaluation{.step = integer(line, "step"),
                            .name = word(line, "evaluation"),
                            .seconds = number(line, "seconds")};
  if (evaluation.name.empty()) evaluation.name = "inpainting";  // it had no name once
  for (const auto& [name, value] : line.items()) {
    if (is_of_line(name)) continue;
    if (is_figure(name, value)) {
      evaluation.figures.emplace_back(name, number(line, name));
    } else if (value.is_primitive()) {
      evaluation.provenance +=
          fmt::format("{}{} {}", evaluation.provenance.empty() ? "" : ", ", name,
                      value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  run.evaluation_seconds += or_zero(evaluation.seconds);
  keep_newest(run.evaluations, std::move(evaluation), RunRecord::kMostEvaluations);
}

void add_start(RunRecord& run, const Json& line) {
  run.environment.clear();
  for (const auto& [name, value] : line.items()) {
    if (!value.is_string() || name == "kind" || name == "event") continue;
    run.environment.emplace_back(name, value.get<std::string>());
  }
}

void add_event(RunRecord& run, const Json& line) {
  const std::string event = word(line, "event");
  auto* const events = entry_of(run.events, event);
  if (!events) {
    run.unreadable_lines += 1;
    return;
  }
  if (event == "started") add_start(run, line);
  if (event == "restarted") run.restarts = std::max(run.restarts, integer(line, "restarts"));
  if (event == "lines_lost") run.lost_lines += integer(line, "lines");
  run.event_counts[event] += 1;
  keep_newest(*events,
              {.step = integer(line, "step"), .event = event, .reason = word(line, "reason")},
              RunRecord::kMostEvents);
}

void add_checkpoint(RunRecord& run, const Json& line) {
  const int64_t step = integer(line, "step");
  const auto entry = std::ranges::find(run.checkpoints, step, &CheckpointEntry::step);
  if (entry != run.checkpoints.end()) entry->seconds = number(line, "seconds");
}

void read_lines(RunRecord& run, const fs::path& file) {
  std::error_code missing;
  if (!fs::is_regular_file(file, missing)) return;
  std::ifstream lines(file, std::ios::binary);
  std::string buffer(kLongestLine, '\0');
  while (lines.getline(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         lines.gcount() > 0) {
    if (lines.eof()) break;  // a line that is being written, or was cut off
    if (lines.fail()) {      // longer than any line of a run
      lines.clear();
      lines.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
      run.unreadable_lines += 1;
      continue;
    }
    add_line(run, std::string_view(buffer.data(), static_cast<size_t>(lines.gcount() - 1)));
  }
}

std::vector<SampleFile> sample_files(const fs::path& folder) {
  std::vector<SampleFile> files;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    const auto step = step_of(entry.path().stem());
    if (step && entry.path().extension() == ".png") files.push_back({*step, entry.path()});
  }
  std::ranges::sort(files, {}, &SampleFile::step);
  return files;
}

uint64_t size_of_folder(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code vanished;  // a run that trains removes old checkpoints
  for (const auto& entry : fs::directory_iterator(folder, vanished)) {
    const uintmax_t size = entry.file_size(vanished);
    if (!vanished) bytes += size;
  }
  return bytes;
}

std::vector<CheckpointEntry> checkpoint_entries(const fs::path& run_dir) {
  const CheckpointStore store(run_dir);
  const auto best = store.best();
  std::vector<CheckpointEntry> entries;
  for (const fs::path& folder : store.list()) {
    const auto step = step_of(folder);
    if (!step) continue;
    const bool is_best = best && best->step == *step;
    entries.push_back(
        {.step = *step,
         .bytes = size_of_folder(folder),
         .seconds = kUnknown,
         .best_by = is_best ? fmt::format("{} {:.4g}", best->figure, best->value) : ""});
  }
  return entries;
}

}  // namespace

int64_t RunRecord::count(const std::string& event) const {
  const auto found = event_counts.find(event);
  return found == event_counts.end() ? 0 : found->second;
}

const DownsampledCurve* RunRecord::curve(const std::string& curve_name) const {
  const auto found = curves.find(curve_name);
  return found == curves.end() ? nullptr : &found->second;
}

void add_line(RunRecord& run, std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  const std::string kind = json.is_object() ? word(json, "kind") : "";
  if (kind.empty() || !std::isfinite(number(json, "step"))) {
    run.unreadable_lines += 1;
    return;
  }
  const double time = number(json, "time");
  if (std::isnan(run.first_time)) run.first_time = time;
  if (std::isfinite(time)) run.last_time = time;
  if (kind == "train") add_step(run, json);
  if (kind == "evaluation") add_evaluation(run, json);
  if (kind == "event") add_event(run, json);
  if (kind == "checkpoint") add_checkpoint(run, json);
  if (kind == "sample") run.sample_seconds += or_zero(number(json, "seconds"));
}

RunRecord read_run_record(const fs::path& directory) {
  require_exists("RUN", directory);
  const RunDirectory files(directory);
  RunRecord run{.name = files.name(), .config = read_run_config(directory)};
  run.samples = sample_files(files.samples_folder());
  run.checkpoints = checkpoint_entries(directory);
  read_lines(run, files.metrics());
  return run;
}

}  // namespace gm
