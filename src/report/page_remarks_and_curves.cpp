#include "report/curve_plots.h"
#include "report/page_parts.h"
#include "report/page_section.h"
#include "report/plot.h"
#include "report/remarks.h"

namespace gm {

Html what_to_notice(const std::vector<RunRecord>& runs) {
  Html content;
  for (size_t i = 0; i < runs.size(); ++i) {
    Html remarks;
    for (const Remark& remark : remarks_on(runs[i])) {
      const auto kind = static_cast<size_t>(remark.kind);
      constexpr std::pair<const char*, const char*> kKinds[] = {
          {"problem", "Problem"}, {"advice", "Advice"}, {"fact", "Note"}};
      remarks += element("li", kKinds[kind].first,
                         element("b", text(kKinds[kind].second)) + text(remark.text));
    }
    if (remarks.empty()) remarks = element("li", "fact", text("Nothing unusual."));
    content += run_heading(runs, i) + element("ul", "remarks", remarks);
  }
  return page_section("notice", "What to notice", content);
}

Html curves(const std::vector<RunRecord>& runs) {
  Html plots;
  for (const Plot& plot : curve_plots(runs)) plots += draw(plot);
  return page_section("curves", "Curves", plots.empty() ? plots : element("div", "plots", plots));
}

}  // namespace gm
