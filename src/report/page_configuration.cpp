#include <algorithm>

#include "config/schema.h"
#include "report/page_parts.h"
#include "report/page_section.h"

namespace gm {
namespace {

struct KeyRow {
  std::string key, help;
  std::vector<std::string> values = {};  // of each run
  std::string standard;                  // the default
};

std::vector<KeyRow> key_rows(const std::vector<RunRecord>& runs) {
  std::vector<KeyRow> rows;
  RunConfig defaults;
  for (const Key& key : Schema(defaults).keys()) {
    rows.push_back({.key = key.name(), .help = key.help(), .standard = to_text(key.value())});
  }
  for (const RunRecord& run : runs) {
    RunConfig config = run.config;  // a schema binds to fields that it could set
    const std::vector<Key> keys = Schema(config).keys();
    for (size_t i = 0; i < keys.size(); ++i) rows[i].values.push_back(to_text(keys[i].value()));
  }
  // The name of the run.
  std::erase_if(rows, [](const KeyRow& row) { return row.key == "run.dir"; });
  return rows;
}

bool differs(const KeyRow& row) {
  if (row.values.size() == 1) return row.values.front() != row.standard;
  return std::ranges::any_of(row.values, [&](const auto& value) { return value != row.values[0]; });
}

Html key_table(const std::vector<RunRecord>& runs, const std::vector<KeyRow>& key_rows,
               bool with_help) {
  std::vector<std::string> headings{"Key"};
  for (const RunRecord& run : runs) headings.push_back(runs.size() == 1 ? "Value" : run.name);
  headings.emplace_back("Default");
  if (with_help) headings.emplace_back("Meaning");
  std::vector<std::vector<Html>> rows;
  for (const KeyRow& key : key_rows) {
    rows.push_back({element("code", text(key.key))});
    for (const std::string& value : key.values) rows.back().push_back(element("code", text(value)));
    rows.back().push_back(element("code", text(key.standard)));
    if (with_help) rows.back().push_back(text(key.help));
  }
  return table(headings, rows);
}

}  // namespace

Html configuration(const std::vector<RunRecord>& runs) {
  const std::vector<KeyRow> all = key_rows(runs);
  std::vector<KeyRow> different = all;
  std::erase_if(different, [](const KeyRow& row) { return !differs(row); });
  const char* what =
      runs.size() == 1 ? "Keys that differ from the defaults" : "Keys that differ between the runs";
  Html content = different.empty() ? element("p", text("All keys have the same value."))
                                   : key_table(runs, different, /*with_help=*/false);
  content += element(
      "details", element("summary", text("All keys")) + key_table(runs, all, /*with_help=*/true));
  return page_section("configuration", "Configuration", element("h3", text(what)) + content);
}

}  // namespace gm
