/// The order of independent samples, such as images: a function of (seed, position) only. It is the
/// same for any number of ranks.
///
/// The dataset is cut into `shards` contiguous virtual shards. Global micro-batch m of
/// `batch_size` samples takes share = batch_size / shards samples from each shard, so position
///   p = m * batch_size + shard * share + j,  0 <= j < share,
/// is the (m * share + j)-th sample of that shard's stream. A stream iterates over its shard in a
/// random order that depends on (seed, epoch, shard), epoch after epoch without a gap. Rank r of R
/// owns shards [r * shards / R, (r + 1) * shards / R), so its part of a micro-batch is a contiguous
/// range of positions.
#pragma once

#include <cstdint>
#include <vector>

#include "data/sample_order.h"

namespace gm {

/// Index `i` of [0, n) under the keyed permutation of [0, n) that belongs to (seed, epoch, shard).
/// A Feistel network over Philox, with cycle walking if n is not a power of two (Black and Rogaway,
/// "Ciphers with arbitrary finite domains", 2002). Constant memory; n up to 2^62.
int64_t permuted(int64_t i, int64_t n, uint64_t seed, uint64_t epoch, uint32_t shard);

/// Throws InputError, which lists the sizes that would work, unless `ranks` divides `shards` and
/// `shards` divides `batch_size`. If `shards` is 0 (automatic), `ranks` must divide `batch_size`.
void check_divisible(int64_t shards, int64_t batch_size, int ranks);
/// Also throws InputError unless the dataset has at least one micro-batch of samples.
void check_divisible(int64_t dataset_size, int64_t shards, int64_t batch_size, int ranks);

/// The number of shards of a new run whose data.shards is automatic: the largest divisor of
/// `batch_size` with shards of at least 100 samples that `ranks` divides. If there is none, the
/// smallest divisor that `ranks` divides. So a dataset of 100 * batch_size samples or more has
/// batch_size shards, which every number of ranks that works now or later can share; for a smaller
/// one, the number may depend on `ranks`. Expects sizes that check_divisible() accepts.
int64_t automatic_shards(int64_t dataset_size, int64_t batch_size, int ranks);

/// Indices of samples in a dataset, from `first` to before `end`.
struct IndexRange {
  int64_t first = 0;
  int64_t end = 0;

  bool operator==(const IndexRange&) const = default;
};

class ShardOrder final : public SampleOrder {
 public:
  struct Options {
    int64_t dataset_size = 0;
    int64_t shards = 1;
    int64_t batch_size = 0;  ///< Samples in a micro-batch, over all ranks.
    uint64_t seed = 0;
    int rank = 0;
    int ranks = 1;
  };

  /// Throws InputError as check_divisible() does.
  explicit ShardOrder(const Options& options);

  /// Of batch_size / ranks samples.
  std::vector<Sample> samples_of(int64_t micro_batch) const override;
  /// The samples of the shards that this rank owns; it reads no others.
  IndexRange owned() const;
  /// The dataset index of the sample at global position `position` >= 0, on any rank.
  int64_t index_at(int64_t position) const;

 private:
  /// The dataset index of the first sample of a shard; the size of the dataset after the last one.
  int64_t begin_of(int64_t shard) const;

  Options options_;
};

}  // namespace gm
