#include <fmt/format.h>

#include <algorithm>

#include "report/axis.h"
#include "report/embedded_image.h"
#include "report/page_parts.h"
#include "report/page_section.h"

namespace gm {
namespace {

constexpr uint64_t kMostImageBytes = 4 << 20;  // of an image; a page should open at once
constexpr size_t kMostOlderSamples = 8;

Html image_of(const RunRecord& run, const SampleFile& sample, const char* css_class) {
  const std::string caption = fmt::format("step {}", short_number(sample.step));
  const auto url = png_data_url(sample.path, kMostImageBytes);
  const Html content =
      url ? element("img", {{"src", *url},
                            {"alt", fmt::format("samples of {} at {}", run.name, caption)},
                            {"loading", "lazy"}})
          : element("p", text(fmt::format("{} is too large for this page, or is damaged.",
                                          sample.path.filename().string())));
  return element("figure", css_class, content + element("figcaption", text(caption)));
}

/// Evenly distributed over all but the newest.
std::vector<SampleFile> older_samples(const std::vector<SampleFile>& all) {
  const size_t older = all.size() - 1;
  const size_t count = std::min(older, kMostOlderSamples);
  std::vector<SampleFile> chosen;
  for (size_t i = 0; i < count; ++i) chosen.push_back(all[i * older / count]);
  return chosen;
}

Html samples_of(const RunRecord& run, bool with_older) {
  if (run.samples.empty()) return {};
  Html images = image_of(run, run.samples.back(), "newest");
  if (!with_older) return images;
  Html older;
  for (const SampleFile& sample : older_samples(run.samples)) {
    older += image_of(run, sample, "older");
  }
  if (older.empty()) return images;
  return element("div", "samples", images + element("div", "strip", older));
}

}  // namespace

Html samples(const std::vector<RunRecord>& runs) {
  Html content;
  for (size_t i = 0; i < runs.size(); ++i) {
    const Html images = samples_of(runs[i], /*with_older=*/runs.size() == 1);
    if (!images.empty()) content += element("div", run_heading(runs, i) + images);
  }
  return page_section("samples", "Samples",
                      runs.size() == 1 ? content : element("div", "plots", content));
}

}  // namespace gm
