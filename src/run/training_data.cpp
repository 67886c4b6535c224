#include "run/training_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/with_thousands.h"
#include "data/class_names.h"
#include "data/image_reader.h"
#include "data/label_counts.h"
#include "data/pack_folder_to_cache.h"
#include "data/shard_order.h"
#include "run/datasets.h"

namespace gm {
namespace {

std::unique_ptr<SampleOrder> order_of_images(const ImageDataset& images, const RunConfig& config,
                                             World& world) {
  auto order = std::make_unique<ShardOrder>(
      ShardOrder::Options{.dataset_size = images.size(),
                          .shards = config.data.shards,
                          .batch_size = config.train.batch_size,
                          .seed = static_cast<uint64_t>(config.run.seed),
                          .rank = world.rank(),
                          .ranks = world.size()});
  require_files_on_ranks(images, order->owned(), world.communicator());
  return order;
}

/// The number of classes of the dataset, all of which the run trains on. `chosen` is data.classes.
int64_t trained_classes(const ImageDataset& images, const std::string& chosen) {
  const std::string where = images.file_path(0).string();
  if (!images.has_labels()) {
    throw InputError(
        "{}: the images have no labels, which diffusion.condition = \"class\" needs; pack a folder "
        "with a sub-folder for each class, or set diffusion.condition = \"none\"",
        where);
  }
  const std::vector<int64_t> indices = means_all_classes(chosen)
                                           ? std::vector<int64_t>()
                                           : find_classes(chosen, images.classes(), where);
  const std::set<int64_t> distinct(indices.begin(), indices.end());
  if (!distinct.empty() && distinct.size() != images.classes().size()) {
    throw InputError(
        "{}: data.classes is {}, but diffusion.condition = \"class\" trains on all {} classes of "
        "the file; pack the chosen ones into another file with gm_data pack --classes",
        where, chosen, images.classes().size());
  }
  return count_classes(images);
}

TrainingData open_training_images(const std::string& path, const RunConfig& config,
                                  Communicator& ranks) {
  const auto images = open_dataset(path, config.data, Part::kTraining, ranks);
  const auto& [height, width, channels] = images->shape();
  const int64_t classes = config.uses_labels() ? trained_classes(*images, config.data.classes) : 0;
  return {.size = images->size(),
          .description =
              fmt::format("{} images, {}x{}x{}{}", with_thousands(images->size()), height, width,
                          channels, classes > 0 ? fmt::format(", {} classes", classes) : ""),
          .content_hash = images->content_hash(),
          .sample_shape = {channels, height, width},
          .classes = classes,
          .class_names = classes > 0 ? images->classes() : std::vector<std::string>(),
          .images = images,
          .make_order = [images](const RunConfig& run,
                                 World& world) { return order_of_images(*images, run, world); },
          .make_reader = [images](const RunConfig& run) -> std::unique_ptr<BatchReader> {
            return std::make_unique<ImageReader>(images, augmentation_options(run.data),
                                                 static_cast<uint64_t>(run.run.seed));
          }};
}

}  // namespace

std::vector<DatasetKind>& dataset_kinds() {
  static std::vector<DatasetKind> kinds{
      {.name = "images",
       .recognizes = [](const std::string&) { return true; },
       .open = open_training_images},
  };
  return kinds;
}

TrainingData open_training_data(const std::string& packed, const RunConfig& config,
                                Communicator& ranks) {
  const auto kind = std::ranges::find_if(
      dataset_kinds(), [&](const DatasetKind& one) { return one.recognizes(packed); });
  return kind->open(packed, config, ranks);
}

}  // namespace gm
