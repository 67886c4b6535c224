#include "run/process_files.h"

#include <algorithm>

#include "base/log.h"
#include "comm/on_rank_zero.h"
#include "data/loader.h"
#include "eval/sampling.h"
#include "image/image_grid.h"
#include "tasks/process_images.h"

namespace gm {

void write_process_files(DdpmTask& task, std::shared_ptr<const ImageDataset> dataset,
                         const RunDirectory& directory, uint64_t seed, Communicator& communicator) {
  const int64_t count = std::min<int64_t>(8, dataset->size());
  LoaderOptions as_they_are;
  as_they_are.batch_size = count;
  as_they_are.shards = 1;
  const at::Tensor images = ImageLoader(std::move(dataset), as_they_are).next().images;
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
                       reverse_process_labels(steps)});
}

}  // namespace gm
