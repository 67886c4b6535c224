#include "run/process_files.h"

#include <algorithm>

#include "base/log.h"
#include "comm/on_rank_zero.h"
#include "data/image_reader.h"
#include "data/shard_order.h"
#include "device/transfer.h"
#include "eval/sampling.h"
#include "image/image_grid.h"
#include "tasks/process_images.h"

namespace gm {

void write_process_files(DdpmTask& task, std::shared_ptr<const ImageDataset> dataset,
                         const RunDirectory& directory, uint64_t seed, Communicator& communicator) {
  const int64_t count = std::min<int64_t>(8, dataset->size());
  const ShardOrder order({.dataset_size = dataset->size(), .batch_size = count});
  ImageReader as_they_are(std::move(dataset));
  const at::Tensor images =
      upload(as_they_are.read(order.samples_of(0), std::stop_token()).images, task.device());
  const int64_t steps = task.diffusion().steps();
  const auto draw = [&](const char* name, const LabelledImages& strips) {
    on_rank_zero(communicator, [&] {
      const auto path = directory.samples_folder() / name;
      write_image_grid(path, strips, {.columns = 1});
      log_info("{}", path.string());
    });
  };
  draw("forward.png", {to_pixels(forward_process_images(task.diffusion(), images, seed)),
                       forward_process_labels(steps)});
  const auto on_their_way_out = [&](const at::Tensor& indices, const SamplingObserver& observer) {
    return reverse_process_images(task, seed, indices, observer);
  };
  draw("reverse.png", {gather_samples(on_their_way_out, communicator, {.count = count}),
                       reverse_process_labels(task.diffusion().sampler())});
}

}  // namespace gm
