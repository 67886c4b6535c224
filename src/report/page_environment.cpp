#include <fmt/format.h>

#include <map>

#include "report/page_parts.h"
#include "report/page_section.h"

namespace gm {

Html environment(const std::vector<RunRecord>& runs) {
  std::map<std::string, std::vector<std::string>> facts;  // by name: of each run
  for (size_t i = 0; i < runs.size(); ++i) {
    const auto put = [&](const std::string& name, const std::string& value) {
      facts.try_emplace(name, runs.size()).first->second[i] = value;
    };
    for (const auto& [name, value] : runs[i].environment) put(name, value);
    put("directory", runs[i].config.run.dir);
    put("starts", fmt::format("{}", runs[i].count("started")));
  }
  std::vector<std::string> headings{""};
  for (const RunRecord& run : runs) headings.push_back(runs.size() == 1 ? "" : run.name);
  std::vector<std::vector<Html>> rows;
  for (const auto& [name, values] : facts) {
    rows.push_back({text(name)});
    for (const std::string& value : values) rows.back().push_back(text(value));
  }
  return page_section("environment", "Environment", table(headings, rows));
}

}  // namespace gm
