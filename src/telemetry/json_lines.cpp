#include "telemetry/json_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/log.h"

namespace gm {
namespace {

using Json = nlohmann::ordered_json;

double unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

off_t length_of(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 ? status.st_size : 0;
}

/// The length up to and with the last line feed.
off_t length_of_whole_lines(int descriptor) {
  std::array<char, 4096> block;
  for (off_t end = length_of(descriptor); end > 0;) {
    const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(block.size()));
    const ssize_t got = ::pread(descriptor, block.data(), static_cast<size_t>(end - begin), begin);
    if (got != end - begin) return end;
    const std::string_view text(block.data(), static_cast<size_t>(got));
    const size_t line_feed = text.rfind('\n');
    if (line_feed != std::string_view::npos) return begin + static_cast<off_t>(line_feed) + 1;
    end = begin;
  }
  return 0;
}

}  // namespace

JsonLines::JsonLines(const std::filesystem::path& path)
    : path_(path),
      descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) {
    throw Error("{}: cannot be opened for appending: {}", path_.string(), std::strerror(errno));
  }
  const off_t whole = length_of_whole_lines(descriptor_);
  if (whole == length_of(descriptor_)) return;
  log_warning("{}: its last line was cut off and is removed", path_.string());
  cut_to(whole);
}

JsonLines::~JsonLines() { ::close(descriptor_); }

void JsonLines::write(std::string_view kind, int64_t step, int64_t images, const Json& more) {
  Json line{{"kind", kind}, {"step", step}, {"images", images}, {"time", unix_seconds()}};
  for (const auto& [name, value] : more.items()) line[name] = value;
  // Text from outside (a path, a system's message) may be no UTF-8: replaced, not thrown about.
  append(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void JsonLines::write_step(const StepReport& report) {
  Json more{{"loss", report.loss}};
  for (const auto& [name, value] : report.loss_terms) more["loss_" + name] = value;
  more["learning_rate"] = report.learning_rate;
  more["gradient_norm"] = report.gradient_norm;
  more["step_seconds"] = report.step_seconds;
  more["images_per_second"] = report.images_per_second();
  for (const auto& [part, seconds] : report.part_seconds) more[part + "_seconds"] = seconds;
  write("train", report.step, report.images, more);
}

/// One write for a line, so that a reader, or a crash, meets whole lines.
void JsonLines::append(std::string_view line) {
  const off_t length_before = length_of(descriptor_);
  ssize_t put = 0;
  do {
    put = ::write(descriptor_, line.data(), line.size());
  } while (put < 0 && errno == EINTR);
  if (put == static_cast<ssize_t>(line.size())) return;

  const std::string reason = put < 0 ? std::strerror(errno) : "the disk is full";
  if (put > 0) cut_to(length_before);
  if (dropped_lines_++ == 0) {
    log_warning("{}: a line could not be written: {}; the run goes on, lines may be missing",
                path_.string(), reason);
  }
}

void JsonLines::cut_to(off_t length) {
  if (::ftruncate(descriptor_, length) != 0) {
    log_warning("{}: cannot be shortened: {}", path_.string(), std::strerror(errno));
  }
}

}  // namespace gm
