/// The order in which a rank reads the samples of a dataset.
#pragma once

#include <cstdint>
#include <vector>

namespace gm {

/// One sample of a run.
struct Sample {
  int64_t index;  ///< Its number in the dataset.
  int64_t
      position;  ///< Its number among all samples of the run, which its random numbers depend on.

  bool operator==(const Sample&) const = default;
};

/// Says which samples this rank reads. An order also decides how many ranks can divide the samples
/// and checks this in its constructor, so that a wrong number of ranks is reported at the start.
/// To resume a run needs no stored state: the answer depends only on the micro-batch.
class SampleOrder {
 public:
  virtual ~SampleOrder() = default;

  /// The samples of this rank in micro-batch `micro_batch` >= 0 of the run; at least one, and with
  /// consecutive positions. All ranks together have each position of the micro-batch once.
  /// Called from one thread at a time.
  virtual std::vector<Sample> samples_of(int64_t micro_batch) const = 0;
};

}  // namespace gm
