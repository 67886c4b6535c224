/// The order of the images: a function of (seed, position) only. It is the same for any number of
/// ranks, and resuming needs no stored state and no replay.
///
/// The dataset is cut into `shards` contiguous virtual shards. Global micro-batch m of
/// `batch_size` images takes share = batch_size / shards images from each shard, so position
///   p = m * batch_size + shard * share + j,  0 <= j < share,
/// is the (m * share + j)-th image of that shard's stream. A stream iterates over its shard in a
/// random order that depends on (seed, epoch, shard), epoch after epoch without a gap. Rank r of R
/// owns shards [r * shards / R, (r + 1) * shards / R), so its part of a micro-batch is a contiguous
/// range of positions.
#pragma once

#include <cstdint>

namespace gm {

/// Index `i` of [0, n) under the keyed permutation of [0, n) that belongs to (seed, epoch, shard).
/// A Feistel network over Philox, with cycle walking if n is not a power of two (Black and Rogaway,
/// "Ciphers with arbitrary finite domains", 2002). Constant memory; n up to 2^62.
int64_t permuted(int64_t i, int64_t n, uint64_t seed, uint64_t epoch, uint32_t shard);

/// Throws InputError, which lists the sizes that would work, unless `ranks` divides `shards` and
/// `shards` divides `batch_size`.
void check_divisible(int64_t shards, int64_t batch_size, int ranks);
/// Also throws InputError unless the dataset has at least one micro-batch of images.
void check_divisible(int64_t dataset_size, int64_t shards, int64_t batch_size, int ranks);

class SampleOrder {
 public:
  /// Expects sizes that check_divisible() accepts for one rank.
  SampleOrder(int64_t dataset_size, int64_t shards, int64_t batch_size, uint64_t seed);

  /// The dataset index of the image at global position `position` >= 0.
  int64_t index_at(int64_t position) const;

 private:
  int64_t dataset_size_;
  int64_t shards_;
  int64_t batch_size_;
  uint64_t seed_;
};

}  // namespace gm
