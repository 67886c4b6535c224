#include "data/shard_order.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <string>
#include <vector>

#include "base/counter_rng.h"
#include "base/error.h"
#include "data/data_config.h"

namespace gm {
namespace {

/// A keyed bijection of [0, 2^bits): the two halves are XORed alternately with a function of the
/// other half.
class Feistel {
 public:
  Feistel(int bits, std::array<uint32_t, 2> key)
      : high_bits_(bits / 2), low_bits_(bits - bits / 2), key_(key) {}

  uint64_t operator()(uint64_t value) const {
    constexpr uint32_t kRounds = 8;
    uint64_t low = value & mask(low_bits_), high = value >> low_bits_;
    for (uint32_t round = 0; round < kRounds; round += 2) {
      high ^= scrambled(low, round) & mask(high_bits_);
      low ^= scrambled(high, round + 1) & mask(low_bits_);
    }
    return (high << low_bits_) | low;
  }

 private:
  static uint64_t mask(int bits) { return (uint64_t{1} << bits) - 1; }
  uint64_t scrambled(uint64_t half, uint32_t round) const {
    const auto words =
        philox({static_cast<uint32_t>(half), static_cast<uint32_t>(half >> 32), round, 0}, key_);
    return (static_cast<uint64_t>(words[1]) << 32) | words[0];
  }

  int high_bits_, low_bits_;
  std::array<uint32_t, 2> key_;
};

/// The values nearest to `wanted`, at most three below and three above, that `works` accepts;
/// "none" if there are none.
template <typename Works>
std::string nearest(int64_t wanted, int64_t least, int64_t most, Works works) {
  std::vector<int64_t> found;
  for (int64_t n = wanted - 1; n >= least && found.size() < 3; --n) {
    if (works(n)) found.insert(found.begin(), n);
  }
  const size_t below = found.size();
  for (int64_t n = wanted + 1; n <= most && found.size() < below + 3; ++n) {
    if (works(n)) found.push_back(n);
  }
  return found.empty() ? "none" : fmt::format("{}", fmt::join(found, ", "));
}

/// Checks for automatic shards: there can be as many as samples in a micro-batch.
void check_ranks_divide_batch(int64_t batch_size, int ranks) {
  if (batch_size % ranks == 0) return;
  throw InputError(
      "{} ranks do not divide train.batch_size = {}; numbers of ranks that would work: {}; batch "
      "sizes that would work: {}",
      ranks, batch_size,
      nearest(ranks, 1, batch_size, [&](int64_t n) { return batch_size % n == 0; }),
      nearest(batch_size, ranks, batch_size + 2 * ranks,
              [&](int64_t n) { return n % ranks == 0; }));
}

}  // namespace

int64_t permuted(int64_t i, int64_t n, uint64_t seed, uint64_t epoch, uint32_t shard) {
  if (n < 2) return 0;
  CounterRng random(seed, Stream::kSampleOrder, epoch, shard);
  const uint32_t first = random.next(), second = random.next();
  const int bits = std::max(2, static_cast<int>(std::bit_width(static_cast<uint64_t>(n - 1))));
  const Feistel shuffle(bits, {first, second});
  // Cycle walking: a value outside [0, n) is permuted again until it is inside. This takes at most
  // two rounds on average, because n is more than half of the permuted range (exactly half for n =
  // 2).
  auto value = static_cast<uint64_t>(i);
  do {
    value = shuffle(value);
  } while (value >= static_cast<uint64_t>(n));
  return static_cast<int64_t>(value);
}

void check_divisible(int64_t shards, int64_t batch_size, int ranks) {
  if (shards < 0 || batch_size < 1 || ranks < 1)
    throw InputError("batch size and ranks must be at least 1, and shards not negative");
  if (shards == 0) return check_ranks_divide_batch(batch_size, ranks);
  if (shards % ranks != 0) {
    throw InputError(
        "{} ranks do not divide data.shards = {}; numbers of ranks that would work: {}; or set "
        "data.shards to a multiple of {} that train.batch_size is a multiple of",
        ranks, shards, nearest(ranks, 1, shards, [&](int64_t n) { return shards % n == 0; }),
        ranks);
  }
  if (batch_size % shards != 0) {
    throw InputError(
        "train.batch_size = {} is not a multiple of data.shards = {}; batch sizes that would work: "
        "{}; numbers of shards that would work: {}",
        batch_size, shards,
        nearest(batch_size, shards, batch_size + 2 * shards,
                [&](int64_t n) { return n % shards == 0; }),
        nearest(shards, ranks, batch_size,
                [&](int64_t n) { return batch_size % n == 0 && n % ranks == 0; }));
  }
}

void check_divisible(int64_t dataset_size, int64_t shards, int64_t batch_size, int ranks) {
  check_divisible(shards, batch_size, ranks);
  if (dataset_size < batch_size) {
    throw InputError(
        "the dataset has {} images, fewer than the {} of one global batch (train.batch_size); "
        "use a smaller batch or more images",
        dataset_size, batch_size);
  }
}

int64_t automatic_shards(int64_t dataset_size, int64_t batch_size, int ranks) {
  constexpr int64_t kLeastSamples = 100;
  const int64_t most = std::min({batch_size, dataset_size / kLeastSamples, kMostShards});
  for (int64_t shards = most - most % ranks; shards > 0; shards -= ranks) {
    if (batch_size % shards == 0) return shards;
  }
  return ranks;
}

ShardOrder::ShardOrder(const Options& options) : options_(options) {
  if (options.shards == 0) throw Error("the number of shards was not chosen yet");
  check_divisible(options.dataset_size, options.shards, options.batch_size, options.ranks);
}

std::vector<Sample> ShardOrder::samples_of(int64_t micro_batch) const {
  const int64_t count = options_.batch_size / options_.ranks;
  const int64_t first = micro_batch * options_.batch_size + options_.rank * count;
  std::vector<Sample> samples;
  samples.reserve(static_cast<size_t>(count));
  for (int64_t position = first; position < first + count; ++position)
    samples.push_back({.index = index_at(position), .position = position});
  return samples;
}

IndexRange ShardOrder::owned() const {
  const int64_t count = options_.shards / options_.ranks;
  return {begin_of(options_.rank * count), begin_of((options_.rank + 1) * count)};
}

/// floor(shard * N / S), computed so that it cannot overflow.
int64_t ShardOrder::begin_of(int64_t shard) const {
  const int64_t size = options_.dataset_size, shards = options_.shards;
  return size / shards * shard + size % shards * shard / shards;
}

int64_t ShardOrder::index_at(int64_t position) const {
  const int64_t shards = options_.shards, batch_size = options_.batch_size;
  const int64_t share = batch_size / shards;
  const int64_t micro_batch = position / batch_size;
  const int64_t shard = position % batch_size / share;
  const int64_t place_in_stream = micro_batch * share + position % share;
  const int64_t begin = begin_of(shard), size = begin_of(shard + 1) - begin;
  const auto epoch = static_cast<uint64_t>(place_in_stream / size);
  return begin +
         permuted(place_in_stream % size, size, options_.seed, epoch, static_cast<uint32_t>(shard));
}

}  // namespace gm
