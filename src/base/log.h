/// Messages for people, written to stderr and to the run's log.txt. A thin layer over spdlog.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <utility>

namespace gm {

/// kProgress is a repeated message about the progress of a run. On a terminal the status line shows
/// the progress, so the message is written only to the log file. kSharedWarning is a warning that
/// is the same on every rank; only rank 0 shows it.
enum class LogLevel { kProgress, kInfo, kSharedWarning, kWarning, kError };

/// Puts `[rank r]` in front of every message of this process. Only rank 0 shows messages below a
/// warning; every rank shows warnings and errors. A world of one shows no rank.
void set_log_rank(int rank, int world_size);

/// Appends every message to `path` as well, with date and time. Throws Error when it cannot be
/// opened.
void add_log_file(const std::filesystem::path& path);

/// Stops writing to the file of add_log_file, if any.
void close_log_file();

/// Shows `text` as the last line of the terminal, below every message, redrawn in place. An empty
/// text removes it. No effect if stderr is not a terminal.
void set_status_line(std::string_view text);

void log_message(LogLevel level, std::string_view message);

/// Writes only to the file of add_log_file(), if any: for messages that reach stderr in another
/// way.
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
