#include "data/label_counts.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"

namespace gm {

namespace {

/// From the manifest, if there is one: files of other ranks may be missing.
std::map<int64_t, int64_t> images_by_label(const ImageDataset& dataset) {
  std::map<int64_t, int64_t> images;
  if (const ImageManifest* manifest = dataset.manifest()) {
    for (const auto& file : manifest->files) {
      for (const auto& [label, training, held_out] : file.counts)
        images[label] += training + held_out;
    }
    return images;
  }
  for (size_t f = 0; f < dataset.file_count(); ++f) {
    for (const int64_t label : dataset.file(f).labels()) ++images[label];
  }
  return images;
}

}  // namespace

LabelCounts count_labels(const ImageDataset& dataset) {
  LabelCounts counts;
  if (!dataset.has_labels()) return counts;
  counts.of_classes.resize(dataset.classes().size());
  for (const auto& [label, images] : images_by_label(dataset)) {
    if (label >= 0 && label < std::ssize(counts.of_classes))
      counts.of_classes[static_cast<size_t>(label)] = images;
    else
      counts.of_others[label] = images;
  }
  return counts;
}

int64_t count_classes(const ImageDataset& dataset) {
  const auto [named, others] = count_labels(dataset);
  const std::string where = dataset.file_path(0).string();
  if (const auto empty = std::ranges::find(named, 0); empty != named.end()) {
    throw InputError("{}: the class {} has no images; set diffusion.condition=none", where,
                     dataset.classes()[static_cast<size_t>(empty - named.begin())]);
  }
  if (!named.empty()) {
    if (!others.empty()) throw InputError("{}: {}", where, describe_labels(others));
    return std::ssize(named);
  }
  const auto classes = std::ssize(others);
  if (others.begin()->first != 0 || others.rbegin()->first != classes - 1) {
    throw InputError(
        "{}: {} different labels from {} to {}; without class names they must be 0 to {}", where,
        classes, others.begin()->first, others.rbegin()->first, classes - 1);
  }
  return classes;
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
