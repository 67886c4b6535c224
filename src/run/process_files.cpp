#include "run/process_files.h"

#include <algorithm>

#include "base/log.h"
#include "comm/on_rank_zero.h"
#include "data/image_reader.h"
#include "data/shard_order.h"
#include "device/transfer.h"
#include "eval/sampling.h"
#include "image/image_grid.h"
#include "run/make_task.h"
#include "tasks/process_images.h"

namespace gm {

namespace {

constexpr int64_t kMaxStrips = 8;

/// The first images of an epoch, as they are in the dataset, on `device`.
Batch images_to_show(std::shared_ptr<const ImageDataset> dataset, at::Device device) {
  const ShardOrder order({.dataset_size = dataset->size(),
                          .batch_size = std::min<int64_t>(kMaxStrips, dataset->size())});
  Batch batch = ImageReader(std::move(dataset)).read(order.samples_of(0), std::stop_token());
  batch.images = upload(batch.images, device);
  return batch;
}

}  // namespace

void write_process_files(Task& task, std::shared_ptr<const ImageDataset> dataset,
                         const RunDirectory& directory, uint64_t seed, Communicator& communicator) {
  DiffusionProcess& process = require_process(task, "--visualize");
  const Batch images = images_to_show(std::move(dataset), task.device());
  const int64_t count = images.images.size(0);
  const auto draw = [&](const char* name, const at::Tensor& strips,
                        const std::vector<std::string>& labels) {
    on_rank_zero(communicator, [&] {
      const auto path = directory.samples_folder() / name;
      write_image_grid(path, {strips, labels}, {.columns = 1});
      log_info("{}", path.string());
    });
  };
  draw("forward.png", to_pixels(forward_process_images(process, images, seed)),
       forward_process_labels(process.diffusion().steps()));
  const auto reverse = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    return reverse_process_images(process, {seed, indices}, observer);
  };
  draw("reverse.png", gather_samples(reverse, communicator, {.count = count}),
       reverse_process_labels(process.diffusion().sampler()));
}

}  // namespace gm
