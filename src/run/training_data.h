/// What a run trains on, and the table of the kinds of datasets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/world.h"
#include "config/run_config.h"
#include "data/batch_reader.h"
#include "data/image_dataset.h"
#include "data/sample_order.h"

namespace gm {

/// A dataset of any kind, open on this rank.
struct TrainingData {
  int64_t size = 0;                   ///< Number of samples.
  std::string description;            ///< For the table at the start: "60,000 images, 32x32x3".
  std::string content_hash;           ///< The same on all ranks.
  std::vector<int64_t> sample_shape;  ///< [C,H,W] of an image; written into checkpoints.
  int64_t classes = 0;  ///< Whose labels the run trains on, also written; 0 if on none.
  std::vector<std::string> class_names = {};             ///< Of these, if they have names.
  std::shared_ptr<const ImageDataset> images = nullptr;  ///< Null for other kinds.

  /// Which samples this rank reads; config.data.shards is chosen. Called by all ranks. Throws
  /// InputError when the ranks cannot divide the samples, or when a file is missing on a rank.
  std::function<std::unique_ptr<SampleOrder>(const RunConfig& config, World& world)> make_order;
  std::function<std::unique_ptr<BatchReader>(const RunConfig& config)> make_reader;
};

/// The shape of its images; empty if it has none.
inline ImageShape image_shape(const TrainingData& data) {
  return data.images ? data.images->shape() : ImageShape{};
}

/// A kind of dataset.
struct DatasetKind {
  std::string name;
  /// Whether the file or folder is of this kind. Reads as little as possible.
  std::function<bool(const std::string& path)> recognizes;
  /// Opens the training part at `path`. Called by all ranks. Throws InputError when it cannot be
  /// used with `config`.
  std::function<TrainingData(const std::string& path, const RunConfig& config, Communicator& ranks)>
      open;
};

/// All kinds; the first one that recognizes a path opens it. Images are last and take every path. A
/// new kind needs an order and a reader (see docs/contributing.md), and an entry here.
std::vector<DatasetKind>& dataset_kinds();

/// The dataset at `packed`, the result of prepare_data(). Called by all ranks. Throws InputError as
/// DatasetKind::open.
TrainingData open_training_data(const std::string& packed, const RunConfig& config,
                                Communicator& ranks);

}  // namespace gm
