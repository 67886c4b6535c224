#include "eval/sampling.h"

#include <ATen/ATen.h>

#include <algorithm>
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

/// The indices first .. end - 1 that rank 0 needs: int64 [n] on all ranks. Called by all ranks.
at::Tensor needed_of(int64_t first, int64_t end, SampleReceiver* receiver,
                     Communicator& communicator) {
  constexpr int64_t kNotNeeded = -1;
  const at::Tensor indices = at::arange(first, end, at::kLong);
  on_rank_zero(communicator, [&] {
    for (int64_t i = 0; i < end - first; ++i) {
      if (!receiver->needs(first + i)) indices[i] = kNotNeeded;
    }
  });
  communicator.broadcast(indices, /*root=*/0);
  return indices.masked_select(indices != kNotNeeded);
}

/// Rank 0 takes the batch of each rank. Called by all ranks.
void pass_to_rank_zero(const SampleBatch& batch, SampleReceiver* receiver,
                       Communicator& communicator) {
  const at::Tensor counts =
      communicator.all_gather(at::full({1}, batch.indices.numel(), at::kLong)).flatten();
  const auto longest = counts.max().item<int64_t>();  // a collective needs equal shapes
  const at::Tensor indices = communicator.all_gather(padded(batch.indices, longest));
  const at::Tensor pixels = communicator.all_gather(padded(to_pixels(batch.images), longest));
  on_rank_zero(communicator, [&] {
    for (int64_t rank = 0; rank < counts.numel(); ++rank) {
      const auto count = counts[rank].item<int64_t>();
      if (count > 0) {
        receiver->take({indices[rank].narrow(0, 0, count), pixels[rank].narrow(0, 0, count)});
      }
    }
  });
}

/// Keeps all samples.
class AllSamples final : public SampleReceiver {
 public:
  explicit AllSamples(int64_t count) : count_(count) {}
  bool needs(int64_t) override { return true; }
  void take(const PixelBatch& batch) override {
    if (!pixels_.defined()) {
      std::vector<int64_t> shape = batch.pixels.sizes().vec();
      shape.front() = count_;
      pixels_ = at::empty(shape, at::kByte);
    }
    pixels_.index_copy_(0, batch.indices, batch.pixels);
  }
  at::Tensor pixels() const { return pixels_; }

 private:
  int64_t count_;
  at::Tensor pixels_;
};

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

void stream_samples(const ImageMaker& make, Communicator& communicator,
                    const DistributedRange& work, SampleReceiver* receiver) {
  // One batch of all ranks at a time, so that the samples arrive in the order of their indices.
  const int64_t block = work.batch_size * communicator.size();
  for (int64_t first = 0; first < work.count; first += block) {
    const int64_t end = std::min(first + block, work.count);
    const at::Tensor needed = needed_of(first, end, receiver, communicator);
    if (needed.numel() == 0) continue;
    const auto make_needed = [&](const at::Tensor& items, const SamplingObserver& observer) {
      return make(needed.index_select(0, items), observer);
    };
    sample_on_all_ranks(make_needed, communicator,
                        {.count = needed.numel(), .batch_size = work.batch_size},
                        [&](const SampleBatch& batch) {
                          pass_to_rank_zero({needed.index_select(0, batch.indices), batch.images},
                                            receiver, communicator);
                        });
  }
}

at::Tensor gather_samples(const ImageMaker& make, Communicator& communicator,
                          const DistributedRange& work) {
  AllSamples all(work.count);
  stream_samples(make, communicator, work, &all);
  return all.pixels();
}

}  // namespace gm
