// A dataset of another kind, sequences of different lengths: one order and one reader, and the
// loader works with them.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/error.h"
#include "base/interruptible_wait.h"
#include "data/loader.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSequences = 60, kPadding = -1;

/// Sequence i has 1 + i mod 7 tokens: i, i + 1, ...
int64_t sequence_length(int64_t index) { return 1 + index % 7; }

/// Each micro-batch has sequences of one bucket of lengths, so that little of it is padding.
class BucketOrder final : public SampleOrder {
 public:
  BucketOrder(int64_t batch_size, int rank, int ranks)
      : batch_size_(batch_size), rank_(rank), ranks_(ranks) {
    if (batch_size % ranks != 0)
      throw InputError("{} ranks do not divide a batch of {} sequences", ranks, batch_size);
    for (int64_t i = 0; i < kSequences; ++i) sorted_.push_back(i);
    std::ranges::stable_sort(sorted_, {}, sequence_length);
  }

  std::vector<Sample> samples_of(int64_t micro_batch) const override {
    const int64_t share = batch_size_ / ranks_;
    std::vector<Sample> samples;
    for (int64_t i = rank_ * share; i < (rank_ + 1) * share; ++i) {
      const int64_t position = micro_batch * batch_size_ + i;
      samples.push_back({sorted_[static_cast<size_t>(position % kSequences)], position});
    }
    return samples;
  }

 private:
  int64_t batch_size_;
  int rank_, ranks_;
  std::vector<int64_t> sorted_;
};

/// Pads the sequences of a batch to the longest of them.
class SequenceReader final : public BatchReader {
 public:
  Batch read(std::span<const Sample> samples, const std::stop_token&) override {
    int64_t longest = 0;
    for (const Sample& sample : samples) longest = std::max(longest, sequence_length(sample.index));
    const auto count = std::ssize(samples);
    Batch batch;
    batch.tokens = at::full({count, longest}, kPadding, at::kLong);
    batch.positions = at::empty({count}, at::kLong);
    for (int64_t i = 0; i < count; ++i) {
      const auto [index, position] = samples[static_cast<size_t>(i)];
      const int64_t length = sequence_length(index);
      batch.tokens[i].narrow(0, 0, length).copy_(at::arange(index, index + length, at::kLong));
      batch.positions[i] = position;
    }
    return batch;
  }
};

std::vector<Batch> load_sequences(int64_t batches, int rank = 0, int ranks = 1, int64_t first = 0) {
  Loader loader(std::make_unique<BucketOrder>(6, rank, ranks), std::make_unique<SequenceReader>(),
                {.prefetch = 2, .first_micro_batch = first});
  std::vector<Batch> loaded;
  for (int64_t m = 0; m < batches; ++m) loaded.push_back(loader.next());
  return loaded;
}

TEST(Sequences, BatchesOfDifferentLengthsArriveInTheirOrder) {
  const auto batches = load_sequences(10);
  EXPECT_EQ(batches[0].tokens.sizes(), (at::IntArrayRef{6, 1}));
  EXPECT_EQ(batches[9].tokens.sizes(), (at::IntArrayRef{6, 7}));
  std::vector<int64_t> seen;
  for (const Batch& batch : batches) {
    EXPECT_FALSE(batch.images.defined());
    for (int64_t i = 0; i < 6; ++i) {
      const int64_t index = batch.tokens[i][0].item<int64_t>();
      const int64_t tokens = batch.tokens[i].ne(kPadding).sum().item<int64_t>();
      EXPECT_EQ(tokens, sequence_length(index));
      EXPECT_EQ(batch.positions[i].item<int64_t>(), std::ssize(seen));
      seen.push_back(index);
    }
  }
  std::ranges::sort(seen);
  for (int64_t i = 0; i < kSequences; ++i) EXPECT_EQ(seen[static_cast<size_t>(i)], i);
}

TEST(Sequences, RanksDivideABatchAndResumeAnywhere) {
  const auto whole = load_sequences(8);
  for (int rank = 0; rank < 2; ++rank) {
    const auto part = load_sequences(5, rank, 2, /*first=*/3);
    for (size_t m = 0; m < part.size(); ++m) {
      const at::Tensor& tokens = part[m].tokens;
      const at::Tensor expected = whole[m + 3].tokens.narrow(0, 3 * rank, 3);
      EXPECT_TRUE(at::equal(tokens, expected.narrow(1, 0, tokens.size(1))));
      EXPECT_TRUE(at::equal(part[m].positions, whole[m + 3].positions.narrow(0, 3 * rank, 3)));
    }
  }
  expect_error<InputError>([] { load_sequences(1, 0, 4); }, HasSubstr("4 ranks do not divide"));
}

/// Fails, or waits until it is stopped, at the third batch.
class FaultyReader final : public BatchReader {
 public:
  FaultyReader(bool waits, std::atomic<int>& reads) : waits_(waits), reads_(reads) {}

  Batch read(std::span<const Sample>, const std::stop_token& stop) override {
    const int read = ++reads_;
    reads_.notify_all();
    if (read < 3) return {};
    if (!waits_) throw Error("tokens.h5: sequence 12 cannot be read");
    EXPECT_TRUE(wait_for_stop(std::chrono::minutes(1), stop));
    return {};
  }

 private:
  bool waits_;
  std::atomic<int>& reads_;
};

TEST(Sequences, AnErrorOfTheReaderArrivesAfterTheGoodBatches) {
  std::atomic<int> reads = 0;
  Loader loader(std::make_unique<BucketOrder>(6, 0, 1),
                std::make_unique<FaultyReader>(/*waits=*/false, reads), {});
  loader.next();
  loader.next();
  for (int repeated = 0; repeated < 2; ++repeated)
    expect_error<Error>([&] { loader.next(); }, HasSubstr("sequence 12 cannot be read"));
}

TEST(Sequences, TheEndOfTheLoaderStopsAReaderThatIsReading) {
  std::atomic<int> reads = 0;
  {
    const Loader loader(std::make_unique<BucketOrder>(6, 0, 1),
                        std::make_unique<FaultyReader>(/*waits=*/true, reads), {});
    for (int read = reads; read < 3; read = reads) reads.wait(read);
  }
  EXPECT_EQ(reads, 3);
}

/// Counts reads, and notes how far they are ahead of the batches that were handed out.
class CountingReader final : public BatchReader {
 public:
  struct Counts {
    std::atomic<int> reads = 0, handed_out = 0, furthest = 0;
  };
  explicit CountingReader(Counts& counts) : counts_(counts) {}

  Batch read(std::span<const Sample>, const std::stop_token&) override {
    const int ahead = ++counts_.reads - counts_.handed_out;
    counts_.furthest = std::max(counts_.furthest.load(), ahead);
    counts_.reads.notify_all();
    return {};
  }

 private:
  Counts& counts_;
};

TEST(Sequences, ReadsAtMostThePrefetchAhead) {
  constexpr int kPrefetch = 2, kAhead = kPrefetch + 1;  // one more is read and waits for its place
  CountingReader::Counts counts;
  Loader loader(std::make_unique<BucketOrder>(6, 0, 1), std::make_unique<CountingReader>(counts),
                {.prefetch = kPrefetch});
  for (int m = 0; m < 500; ++m) {
    for (int read = counts.reads; read < m + kAhead; read = counts.reads) counts.reads.wait(read);
    ++counts.handed_out;  // before, as the next read may begin while next() returns
    loader.next();
  }
  EXPECT_LE(counts.furthest, kAhead);
}

}  // namespace
}  // namespace gm
