#include "eval/sampling.h"

#include <ATen/ATen.h>

#include <vector>

#include "comm/on_rank_zero.h"
#include "comm/stop.h"
#include "image/image_grid.h"

namespace gm {
namespace {

/// `rows`, extended with zeros to `length` rows.
at::Tensor padded(const at::Tensor& rows, int64_t length) {
  std::vector<int64_t> shape = rows.sizes().vec();
  shape.front() = length;
  const at::Tensor result = at::zeros(shape, rows.options());
  result.narrow(0, 0, rows.size(0)).copy_(rows);
  return result;
}

/// Rank 0 calls `consume` with the batch of each rank. Called by all ranks.
void pass_to_rank_zero(const SampleBatch& batch, Communicator& communicator,
                       const std::function<void(const PixelBatch& batch)>& consume) {
  const at::Tensor counts =
      communicator.all_gather(at::full({1}, batch.indices.numel(), at::kLong)).flatten();
  const auto longest = counts.max().item<int64_t>();  // a collective needs equal shapes
  const at::Tensor indices = communicator.all_gather(padded(batch.indices, longest));
  const at::Tensor pixels = communicator.all_gather(padded(to_pixels(batch.images), longest));
  on_rank_zero(communicator, [&] {
    for (int64_t rank = 0; rank < counts.numel(); ++rank) {
      const auto count = counts[rank].item<int64_t>();
      if (count > 0) {
        consume({indices[rank].narrow(0, 0, count), pixels[rank].narrow(0, 0, count)});
      }
    }
  });
}

}  // namespace

void sample_on_all_ranks(const ImageMaker& make, Communicator& communicator,
                         const DistributedRange& work,
                         const std::function<void(const SampleBatch& batch)>& consume) {
  // All ranks take the same number of reverse steps, so all call this together.
  const auto throw_if_stop_requested = [&](int64_t, const at::Tensor&) {
    throw_if_any_rank_stopped(communicator);
  };
  for_each_rank_batch(work, communicator, [&](const at::Tensor& indices, int64_t valid) {
    const at::Tensor images = make(indices, throw_if_stop_requested);
    consume({indices.narrow(0, 0, valid), images.narrow(0, 0, valid)});
  });
}

at::Tensor gather_samples(const ImageMaker& make, Communicator& communicator,
                          const DistributedRange& work,
                          const std::function<void(const PixelBatch& batch)>& consume) {
  at::Tensor all;  // of rank 0
  const auto keep = [&](const PixelBatch& batch) {
    if (!all.defined()) {
      std::vector<int64_t> shape = batch.pixels.sizes().vec();
      shape.front() = work.count;
      all = at::empty(shape, at::kByte);
    }
    all.index_copy_(0, batch.indices, batch.pixels);
    if (consume) consume(batch);
  };
  sample_on_all_ranks(make, communicator, work, [&](const SampleBatch& batch) {
    pass_to_rank_zero(batch, communicator, keep);
  });
  return all;
}

}  // namespace gm
