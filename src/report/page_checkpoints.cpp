#include <fmt/format.h>

#include <cmath>

#include "report/axis.h"
#include "report/page_parts.h"
#include "report/page_section.h"

namespace gm {
namespace {

std::string size_text(uint64_t bytes) {
  const auto size = static_cast<double>(bytes);
  if (size >= 1e9) return fmt::format("{:.2f} GB", size / 1e9);
  if (size >= 1e6) return fmt::format("{:.1f} MB", size / 1e6);
  return fmt::format("{:.0f} kB", size / 1e3);
}

Html checkpoints_of(const RunRecord& run) {
  if (run.checkpoints.empty()) return {};
  std::vector<std::vector<Html>> rows;
  for (const CheckpointEntry& entry : run.checkpoints) {
    std::string remark = &entry == &run.checkpoints.back() ? "newest" : "";
    if (!entry.best_by.empty()) {
      remark += fmt::format("{}best by {}", remark.empty() ? "" : ", ", entry.best_by);
    }
    rows.push_back({text(short_number(entry.step)), text(size_text(entry.bytes)),
                    text(std::isfinite(entry.seconds) ? short_number(entry.seconds) : ""),
                    text(remark)});
  }
  return table({"Step", "Size", "Seconds to save", ""}, rows);
}

}  // namespace

Html checkpoints(const std::vector<RunRecord>& runs) {
  Html content;
  for (size_t i = 0; i < runs.size(); ++i) {
    const Html entries = checkpoints_of(runs[i]);
    if (!entries.empty()) content += run_heading(runs, i) + entries;
  }
  return page_section("checkpoints", "Checkpoints", content);
}

}  // namespace gm
