#include "report/page_section.h"

#include "report/plot.h"

namespace gm {

Html page_section(const char* id, const char* heading, const Html& content) {
  if (content.empty()) return {};
  return element("section", {{"id", id}}, element("h2", text(heading)) + content);
}

Html run_heading(const std::vector<RunRecord>& runs, size_t index) {
  if (runs.size() == 1) return {};
  return element("h3", color_key(static_cast<int>(index)) + text(runs[index].name));
}

}  // namespace gm
