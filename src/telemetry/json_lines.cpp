#include "telemetry/json_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/unix_time.h"

namespace gm {
namespace {

using Json = nlohmann::ordered_json;

off_t file_length(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 ? status.st_size : 0;
}

/// The fields of a line that rewinding needs; nullopt if the line is of another format or was cut
/// off.
struct LineHead {
  std::string kind;
  int64_t step;
  std::string evaluation;  // its name; empty in lines of other kinds
};

std::optional<LineHead> head_of(const Json& json) {
  try {
    // Before evaluations had names, there was one.
    const bool is_evaluation = json.at("kind") == "evaluation";
    return LineHead{json.at("kind"), json.at("step"),
                    is_evaluation ? json.value("evaluation", "inpainting") : ""};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::optional<LineHead> head_of(const std::string& line) {
  return head_of(Json::parse(line, nullptr, /*allow_exceptions=*/false));
}

/// The position where lines of steps after `step` may begin: only lines of such early steps come
/// before a training line of `step` or earlier. Searches from the end, because the file may be
/// long.
std::streamoff begin_of_tail(std::ifstream& file, int64_t step) {
  constexpr std::streamoff kStride = 1 << 20;
  file.seekg(0, std::ios::end);
  for (std::streamoff at = file.tellg() - kStride; at > 0; at -= kStride) {
    file.seekg(at);
    std::string line;
    std::getline(file, line);  // the rest of a line that began before
    const std::streamoff begin = file.tellg();
    if (!std::getline(file, line)) continue;
    const auto head = head_of(line);
    if (head && head->kind == "train" && head->step <= step) return begin;
  }
  return 0;
}

}  // namespace

std::set<std::string> rewind_json_lines(const std::filesystem::path& path, int64_t step) {
  std::set<std::string> kinds;
  std::ifstream file(path, std::ios::binary);
  if (!file) return kinds;
  const std::streamoff begin = begin_of_tail(file, step);
  file.clear();
  file.seekg(begin);
  std::string kept, line;
  int64_t removed = 0;
  while (std::getline(file, line)) {
    const auto head = file.eof() ? std::nullopt : head_of(line);  // the last line was cut off
    if (!head || head->step > step) {
      ++removed;
      continue;
    }
    if (head->step == step) {
      kinds.insert(head->evaluation.empty() ? head->kind : head->kind + " " + head->evaluation);
    }
    kept += line + '\n';
  }
  if (removed == 0) return kinds;

  StagedPath staged(path);
  std::filesystem::copy_file(path, staged.path());
  std::filesystem::resize_file(staged.path(), static_cast<uintmax_t>(begin));
  std::ofstream tail(staged.path(), std::ios::binary | std::ios::app);
  tail << kept;
  tail.close();
  if (!tail) throw Error("{}: writing failed: {}", path.string(), std::strerror(errno));
  staged.commit();
  log_info("{}: {} lines after step {} are removed", path.string(), removed, step);
  return kinds;
}

std::vector<PastEvaluation> comparable_evaluations(const std::filesystem::path& path,
                                                   const EvaluationReport& report) {
  const Json provenance = comparable_json(report);
  std::vector<PastEvaluation> past;
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    if (line.find("\"evaluation\"") == std::string::npos) continue;  // most lines; saves parsing
    const auto json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    const auto head = head_of(json);
    const auto is_in_line = [&](const auto& field) {
      return json.contains(field.key()) && json[field.key()] == field.value();
    };
    const auto fields = provenance.items();
    if (!head || !std::all_of(fields.begin(), fields.end(), is_in_line)) continue;
    past.push_back({.step = head->step});
    for (const auto& [name, value] : report.figures) {
      const bool is_finite = json.contains(name) && json[name].is_number();
      past.back().figures.emplace_back(name, is_finite ? json[name].get<double>() : std::nan(""));
    }
  }
  return past;
}

JsonLines::JsonLines(const std::filesystem::path& path)
    : path_(path),
      descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) {
    throw Error("{}: cannot be opened for appending: {}", path_.string(), std::strerror(errno));
  }
}

JsonLines::~JsonLines() { ::close(descriptor_); }

bool JsonLines::write(std::string_view kind, int64_t step, int64_t images, const Json& more) {
  Json line{{"kind", kind}, {"step", step}, {"images", images}, {"time", unix_seconds()}};
  for (const auto& [name, value] : more.items()) line[name] = value;
  // Text from outside (a path, a system message) may not be UTF-8: bad bytes are replaced.
  return append(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

bool JsonLines::write_step(const StepReport& report) {
  Json more{{"loss", report.loss}};
  for (const auto& [name, value] : report.loss_terms) more["loss_" + name] = value;
  more["learning_rate"] = report.learning_rate;
  more["gradient_norm"] = report.gradient_norm;
  more["step_seconds"] = report.step_seconds;
  more["images_per_second"] = report.samples_per_second();
  for (const auto& [part, seconds] : report.part_seconds) more[part + "_seconds"] = seconds;
  if (report.slowest) {
    more["slowest_rank"] = report.slowest->rank;
    more["slowest_ratio"] = report.slowest->ratio;
  }
  return write("train", report.step, report.samples, more);
}

/// Writes a line with one call, so that a reader or a crash sees only whole lines.
bool JsonLines::append(std::string_view line) {
  const off_t length_before = file_length(descriptor_);
  ssize_t put = 0;
  do {
    put = ::write(descriptor_, line.data(), line.size());
  } while (put < 0 && errno == EINTR);
  if (put == static_cast<ssize_t>(line.size())) return true;

  const std::string reason = put < 0 ? std::strerror(errno) : "the disk is full";
  if (put > 0) cut_to(length_before);
  if (!std::exchange(has_warned_, true)) {
    log_warning("{}: a line could not be written: {}; the run continues, lines may be missing",
                path_.string(), reason);
  }
  return false;
}

void JsonLines::sync() { ::fdatasync(descriptor_); }

void JsonLines::cut_to(off_t length) {
  if (::ftruncate(descriptor_, length) != 0) {
    log_warning("{}: cannot be shortened: {}", path_.string(), std::strerror(errno));
  }
}

}  // namespace gm
