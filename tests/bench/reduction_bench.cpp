// The time that the reduction of gradients over the ranks adds to a training step of the default
// network.
//
//   mpirun -n 2 build/release/bench/reduction_bench
//
// Each round runs three steps: one without a reduction, one that reduces after the backward pass,
// and one that reduces in buckets during the backward pass. The second shows the whole cost of the
// reduction, and the third the exposed part, which does not overlap with the backward pass. Prints
// medians over the rounds of the differences and shares within a round.
#include <ATen/ATen.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/malloc_settings.h"
#include "comm/communicator.h"
#include "comm/gradient_reducer.h"
#include "comm/run_program.h"
#include "comm/world.h"
#include "tasks/ddpm.h"
#include "train/adam.h"
#include "train/flat_parameters.h"

namespace gm {
namespace {

constexpr int64_t kBatch = 32;  // Images of all ranks together.
constexpr int64_t kMicroBatches = 2;
constexpr int kRounds = 15;

struct Variant {
  std::string name;
  std::unique_ptr<GradientReducer> reducer;
  bool synchronize;
  std::vector<double> seconds = {};
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Training of the default network on random images.
class Training {
 public:
  explicit Training(World& world)
      : ranks_(world.communicator()),
        batch_{.images = at::rand({kBatch / world.size(), 3, 32, 32}) * 2 - 1,
               .labels = {},
               .positions = at::arange(kBatch / world.size(), at::kLong)} {}

  const FlatParameters& flat() const { return flat_; }

  /// A whole step. All ranks begin and end it together.
  void step(Variant& way) {
    ranks_.barrier();
    const auto start = std::chrono::steady_clock::now();
    flat_.zero_gradients();
    for (int64_t i = 0; i < kMicroBatches; ++i) {
      way.reducer->begin_step(way.synchronize && i + 1 == kMicroBatches);
      task_.phases().front().loss(task_.prepare(batch_)).total.backward();
      way.reducer->finish();
    }
    adam_update(flat_, {}, {.learning_rate = 0, .gradient_divisor = kMicroBatches});
    task_.sampled_network().invalidate_cache();
    ranks_.barrier();  // So that waiting for a slower rank counts equally for all three.
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    way.seconds.push_back(taken.count());
  }

 private:
  Communicator& ranks_;
  Batch batch_;
  DdpmTask task_{{}, {}, {.height = 32, .width = 32, .channels = 3}, /*seed=*/1};
  FlatParameters flat_{task_.sampled_network().parameter_list()};
};

/// The median over the rounds of the time that a step of `way` takes longer than one of `other`, as
/// a share of the step of `way`.
double added_share(const Variant& way, const Variant& other) {
  std::vector<double> shares;
  for (size_t i = 0; i < way.seconds.size(); ++i) {
    shares.push_back((way.seconds[i] - other.seconds[i]) / way.seconds[i]);
  }
  return median(shares);
}

int race(World& world) {
  Communicator& ranks = world.communicator();
  Training training(world);
  const FlatParameters& flat = training.flat();

  // The hooks of the bucketed reducer do nothing in the steps of the other reducers.
  std::vector<Variant> ways;
  ways.push_back({"none", std::make_unique<NaiveReducer>(ranks, flat.gradients()), false});
  ways.push_back({"naive", std::make_unique<NaiveReducer>(ranks, flat.gradients()), true});
  ways.push_back(
      {"bucketed",
       std::make_unique<BucketedReducer>(ranks, flat.gradients(), flat.gradient_slices()), true});
  for (Variant& way : ways) training.step(way);  // Warm-up.
  for (Variant& way : ways) way.seconds.clear();
  for (int round = 0; round < kRounds; ++round) {
    for (Variant& way : ways) training.step(way);
  }

  if (world.rank() != 0) return 0;
  fmt::print(
      "{} ranks of {} thread(s), {:.2f} million gradients, micro-batches of {} images a rank\n",
      world.size(), world.threads(), static_cast<double>(flat.parameter_count()) / 1e6,
      kBatch / world.size());
  for (const Variant& way : ways)
    fmt::print("{:9} step {:7.1f} ms\n", way.name, 1e3 * median(way.seconds));
  const double whole = added_share(ways[1], ways[0]), exposed = added_share(ways[2], ways[0]);
  fmt::print("reduction {:.1f} % of a step: {:.1f} % exposed, {:.1f} % overlapped with backward\n",
             100 * whole, 100 * exposed, 100 * (whole - exposed));
  return 0;
}

}  // namespace
}  // namespace gm

int main() {
  gm::tune_allocator();
  gm::run_program(gm::race);
}
