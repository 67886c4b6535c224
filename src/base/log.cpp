#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"

namespace gm {
namespace {

/// The sinks of this process: `terminal` is stderr, `file` is log.txt.
struct Log {
  std::shared_ptr<spdlog::sinks::stderr_sink_mt> terminal =
      std::make_shared<spdlog::sinks::stderr_sink_mt>();
  std::shared_ptr<spdlog::sinks::basic_file_sink_mt> file;
  std::shared_ptr<spdlog::logger> logger = std::make_shared<spdlog::logger>("gm", terminal);
  std::string rank_prefix;
  std::string status;
  std::mutex mutex;

  Log() { apply_pattern(); }

  void apply_pattern() {
    terminal->set_pattern(rank_prefix + "%v");
    if (file) file->set_pattern("%Y-%m-%d %H:%M:%S %-7l " + rank_prefix + "%v");
  }
};

Log& the_log() {
  static Log log;
  return log;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kProgress:
    case LogLevel::kInfo:
    case LogLevel::kSharedWarning:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

bool on_terminal() { return ::isatty(STDERR_FILENO) == 1; }

/// Replaces the terminal's last line by the status line, which may be empty.
void draw_status(const std::string& status) { std::fputs(("\r\x1b[K" + status).c_str(), stderr); }

}  // namespace

void set_log_rank(int rank, int world_size) {
  Log& log = the_log();
  std::scoped_lock lock(log.mutex);
  log.rank_prefix = world_size > 1 ? fmt::format("[rank {}] ", rank) : "";
  log.logger->set_level(rank == 0 ? spdlog::level::info : spdlog::level::warn);
  log.apply_pattern();
}

void add_log_file(const std::filesystem::path& path) {
  Log& log = the_log();
  std::scoped_lock lock(log.mutex);
  try {
    log.file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
  } catch (const spdlog::spdlog_ex& error) {
    throw Error("{}: the log cannot be opened: {}", path.string(), error.what());
  }
  log.logger->sinks().push_back(log.file);
  log.logger->flush_on(spdlog::level::info);
  log.apply_pattern();
}

void close_log_file() {
  Log& log = the_log();
  std::scoped_lock lock(log.mutex);
  std::erase(log.logger->sinks(), log.file);
  log.file.reset();
}

void set_status_line(std::string_view text) {
  Log& log = the_log();
  std::scoped_lock lock(log.mutex);
  if (!on_terminal() || log.status == text) return;
  log.status = text;
  draw_status(log.status);
}

void log_message(LogLevel level, std::string_view message) {
  Log& log = the_log();
  std::scoped_lock lock(log.mutex);
  const bool is_warning = level == LogLevel::kWarning || level == LogLevel::kSharedWarning;
  const char* mark = is_warning ? "warning: " : level == LogLevel::kError ? "error: " : "";
  const bool file_only = level == LogLevel::kProgress && on_terminal();
  log.terminal->set_level(file_only ? spdlog::level::off : spdlog::level::trace);
  if (!log.status.empty()) draw_status("");
  log.logger->log(spdlog_level(level), "{}{}", mark, message);
  if (!log.status.empty()) draw_status(log.status);
}

void log_to_file(LogLevel level, std::string_view message) {
  Log& log = the_log();
  std::scoped_lock lock(log.mutex);
  if (!log.file) return;
  log.terminal->set_level(spdlog::level::off);
  log.logger->log(spdlog_level(level), "{}", message);
}

}  // namespace gm
