/// Messages for people: to stderr, and to the run's log.txt. Thin over spdlog.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <utility>

namespace gm {

/// kProgress says again and again where a run stands: on a terminal the status line does that, and
/// the message goes to the log file alone. kSharedWarning is a warning that every rank gives alike,
/// and only rank 0 shows.
enum class LogLevel { kProgress, kInfo, kSharedWarning, kWarning, kError };

/// Puts `[rank r]` in front of every message of this process. Only rank 0 shows messages below a
/// warning; warnings and errors are shown by every rank. A world of one shows no rank.
void set_log_rank(int rank, int world_size);

/// Appends every message to `path` as well, with date and time. Throws Error when it cannot be
/// opened.
void add_log_file(const std::filesystem::path& path);

/// Stops writing to the file of add_log_file, if any.
void close_log_file();

/// Shows `text` as the last line of the terminal, below every message, redrawn in place; an empty
/// text removes it. Without effect when stderr is no terminal.
void set_status_line(std::string_view text);

void log_message(LogLevel level, std::string_view message);

/// To the file of add_log_file alone, if any: for what stderr is told in another way.
void log_to_file(LogLevel level, std::string_view message);

template <typename... Args>
void log_progress(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kProgress, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void log_shared_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kSharedWarning, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace gm
