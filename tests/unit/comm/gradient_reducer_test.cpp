// When the bucketed reducer starts its reductions. What it computes is tested on ranks
// (mpi/gradient_reducer_test.cpp).
#include "comm/gradient_reducer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "comm/communicator.h"
#include "train/flat_parameters.h"

namespace gm {
namespace {

constexpr int64_t kLayers = 4;
constexpr int64_t kWidth = 8;

using Events = std::vector<std::string>;

/// A communicator of several ranks that only records when its reductions start.
class RecordingCommunicator final : public Communicator {
 public:
  explicit RecordingCommunicator(Events& events, const at::Tensor& gradients)
      : events_(events), gradients_(gradients) {}

  int rank() const override { return 0; }
  int size() const override { return 2; }
  std::unique_ptr<PendingReduction> start_all_reduce_sum(const at::Tensor& tensor) override {
    const int64_t layer =
        (tensor.storage_offset() - gradients_.storage_offset()) / (kWidth * kWidth);
    events_.push_back("reduction " + std::to_string(layer));
    return alone_.start_all_reduce_sum(tensor);
  }
  void all_reduce_sum(const at::Tensor&) override { events_.emplace_back("reduction of all"); }
  void all_reduce_max(const at::Tensor&) override { throw Error("not expected"); }
  void broadcast(const at::Tensor&, int) override { throw Error("not expected"); }
  at::Tensor all_gather(const at::Tensor&) override { throw Error("not expected"); }
  void barrier() override { throw Error("not expected"); }
  std::unique_ptr<Communicator> duplicate() override { throw Error("not expected"); }

 private:
  Events& events_;
  at::Tensor gradients_;
  SelfCommunicator alone_;
};

/// A chain of matrix products. Its backward pass reports each layer before the layer's gradients.
struct ReportingChain {
  NamedTensors parameters;

  ReportingChain() {
    for (int64_t i = 0; i < kLayers; ++i)
      parameters.emplace_back("layer" + std::to_string(i),
                              at::randn({kWidth, kWidth}).set_requires_grad(true));
  }

  at::Tensor loss(Events& events) const {
    at::Tensor x = at::ones({3, kWidth});
    for (int64_t i = 0; i < kLayers; ++i) {
      x = at::mm(x, parameters[static_cast<size_t>(i)].second);
      x.register_hook(
          [&events, i](const at::Tensor&) { events.push_back("backward " + std::to_string(i)); });
    }
    return x.sum();
  }
};

TEST(BucketedReducer, StartsEachReductionAsSoonAsItsGradientsAreComplete) {
  Events events;
  const ReportingChain chain;
  FlatParameters flat(chain.parameters);
  RecordingCommunicator ranks(events, flat.gradients());
  BucketedReducer reducer(ranks, flat.gradients(), flat.gradient_slices(),
                          kWidth * kWidth * static_cast<int64_t>(sizeof(float)));
  reducer.begin_step(/*synchronize=*/true);
  chain.loss(events).backward();
  EXPECT_EQ(events, (Events{"backward 3", "reduction 3", "backward 2", "reduction 2", "backward 1",
                            "reduction 1", "backward 0", "reduction 0"}));
  reducer.finish();
  EXPECT_EQ(events.size(), 2 * kLayers) << "finish() only waits";
}

TEST(BucketedReducer, StartsNothingForAMicroBatchThatOnlyAccumulates) {
  Events events;
  const ReportingChain chain;
  FlatParameters flat(chain.parameters);
  RecordingCommunicator ranks(events, flat.gradients());
  BucketedReducer reducer(ranks, flat.gradients(), flat.gradient_slices());
  reducer.begin_step(/*synchronize=*/false);
  chain.loss(events).backward();
  reducer.finish();
  EXPECT_EQ(events, (Events{"backward 3", "backward 2", "backward 1", "backward 0"}));
}

}  // namespace
}  // namespace gm
