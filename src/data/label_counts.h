/// How the images of files spread over their classes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/image_dataset.h"

namespace gm {

struct LabelCounts {
  std::vector<int64_t> of_classes = {};       ///< Images of each class; empty without labels.
  std::map<int64_t, int64_t> of_others = {};  ///< Images by label, of labels that name no class.
};

/// Counts all images of the dataset's files, whichever of them were chosen.
LabelCounts count_labels(const ImageDataset& dataset);

/// Such as `30 images with labels that name no class: 5 (20 images), 6 (10 images)`.
std::string describe_labels(const std::map<int64_t, int64_t>& counts);

}  // namespace gm
