#include "data/label_counts.h"

#include <fmt/ranges.h>

namespace gm {

LabelCounts count_labels(const ImageDataset& dataset) {
  LabelCounts counts;
  if (!dataset.has_labels()) return counts;
  counts.of_classes.resize(dataset.classes().size());
  for (const auto& file : dataset.files()) {
    for (const int64_t label : file.labels()) {
      if (label >= 0 && label < std::ssize(counts.of_classes))
        ++counts.of_classes[static_cast<size_t>(label)];
      else
        ++counts.of_others[label];
    }
  }
  return counts;
}

std::string describe_labels(const std::map<int64_t, int64_t>& counts) {
  constexpr size_t kShown = 8;
  int64_t images = 0;
  std::vector<std::string> labels;
  for (const auto& [label, count] : counts) {
    images += count;
    if (labels.size() < kShown) labels.push_back(fmt::format("{} ({} images)", label, count));
  }
  return fmt::format("{} images with labels that name no class: {}{}", images,
                     fmt::join(labels, ", "), counts.size() > kShown ? ", ..." : "");
}

}  // namespace gm
