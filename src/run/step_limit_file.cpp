#include "run/step_limit_file.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/bounded_json.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/restarts.h"
#include "comm/on_rank_zero.h"

namespace gm {
namespace {

constexpr size_t kStepLimitBytes = 1000;

StepLimit::Memory memory_of(const std::string& text) {
  const auto json = parse_bounded_object(text, /*max_depth=*/1);
  return {.shortest_seconds = json.at("shortest_seconds"),
          .late_step = json.at("late_step"),
          .late_seconds = json.at("late_seconds")};
}

/// The content of a file that memory_of() accepts; empty if there is none.
std::string read_step_limit(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return "";
  try {
    const std::string text = read_file(path, kStepLimitBytes);
    memory_of(text);
    return text;
  } catch (const std::exception& error) {
    log_warning("{}: ignored, because it cannot be read: {}", path.string(), error.what());
    return "";
  }
}

}  // namespace

StepLimit step_limit_of_run(const WatchdogConfig& config, const RunDirectory& directory,
                            Communicator& ranks) {
  if (!restarts_so_far()) return StepLimit(config.step_seconds);
  const std::string text =
      text_from_rank_zero(ranks, [&] { return read_step_limit(directory.step_limit()); });
  const auto keep = [directory](const StepLimit::Memory& memory) {
    write_step_limit(directory, memory);
  };
  return {config.step_seconds, text.empty() ? StepLimit::Memory{} : memory_of(text), keep};
}

void write_step_limit(const RunDirectory& directory, const StepLimit::Memory& memory) {
  const nlohmann::ordered_json json{{"shortest_seconds", memory.shortest_seconds},
                                    {"late_step", memory.late_step},
                                    {"late_seconds", memory.late_seconds}};
  try {
    write_file_atomically(directory.step_limit(), json.dump() + "\n");
  } catch (const Error& error) {
    log_warning("{}", error.what());
  }
}

}  // namespace gm
