#include "run/step_limit_file.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/bounded_json.h"
#include "base/files.h"
#include "base/log.h"
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
  try {
    if (!std::filesystem::exists(path)) return "";
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
  const std::string text =
      text_from_rank_zero(ranks, [&] { return read_step_limit(directory.step_limit()); });
  const auto keep = [directory](const StepLimit::Memory& memory) {
    write_step_limit(directory, memory);
  };
  return {config.step_seconds, text.empty() ? StepLimit::Memory{} : memory_of(text), keep};
}

void write_step_limit(const RunDirectory& directory, const StepLimit::Memory& memory) {
  try {
    const std::string old = read_step_limit(directory.step_limit());
    const double least = old.empty() ? 0 : memory_of(old).shortest_seconds;
    const nlohmann::ordered_json json{
        {"shortest_seconds", std::max(memory.shortest_seconds, least)},
        {"late_step", memory.late_step},
        {"late_seconds", memory.late_seconds}};
    write_file_atomically(directory.step_limit(), json.dump() + "\n");
  } catch (const std::exception& error) {
    log_warning("{}", error.what());
  }
}

}  // namespace gm
