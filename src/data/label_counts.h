/// Number of images per class.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/image_dataset.h"

namespace gm {

struct LabelCounts {
  std::vector<int64_t> of_classes = {};  ///< Number of images of each class; empty without labels.
  /// Number of images of each label that names no class.
  std::map<int64_t, int64_t> of_others = {};
};

/// Counts all images in the files of the dataset, including images that were not selected.
LabelCounts count_labels(const ImageDataset& dataset);

/// The number of classes of labelled images: each label is less than it, and has images. Without
/// class names, as many as there are different labels. Throws InputError, which names the file, for
/// a label that names no class, and for a class without images.
int64_t count_classes(const ImageDataset& dataset);

/// For example `30 images with labels that name no class: 5 (20 images), 6 (10 images)`.
std::string describe_labels(const std::map<int64_t, int64_t>& counts);

}  // namespace gm
