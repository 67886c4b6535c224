// Compares the result of each collective operation with the value computed from the inputs of all
// ranks.
#include "comm/communicator.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "comm/mpi_communicator.h"
#include "support/test_world.h"

namespace gm {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class CommunicatorTest : public testing::Test {
 protected:
  Communicator& ranks() { return test_world().communicator(); }
  int64_t rank() { return test_world().rank(); }
  int64_t size() { return test_world().size(); }
  /// 0 + 1 + ... + (size - 1).
  int64_t sum_of_ranks() { return size() * (size() - 1) / 2; }
};

TEST_F(CommunicatorTest, SumsEveryType) {
  for (const auto type : {at::kFloat, at::kDouble, at::kInt, at::kLong, at::kByte}) {
    const at::Tensor values = at::arange(5, type) + rank();
    ranks().all_reduce_sum(values);
    EXPECT_TRUE(values.equal(at::arange(5, type) * size() + sum_of_ranks())) << type;
  }
}

TEST_F(CommunicatorTest, FindsTheMaximum) {
  for (const auto type : {at::kFloat, at::kDouble, at::kInt, at::kLong, at::kByte}) {
    const at::Tensor values = at::full({3, 2}, rank() + 1, type);
    ranks().all_reduce_max(values);
    EXPECT_TRUE(values.equal(at::full({3, 2}, size(), type))) << type;
  }
}

TEST_F(CommunicatorTest, BroadcastsFromAnyRank) {
  for (int root = 0; root < size(); ++root) {
    const at::Tensor values = at::full({4}, rank(), at::kLong);
    ranks().broadcast(values, root);
    EXPECT_TRUE(values.equal(at::full({4}, root, at::kLong)));
  }
}

TEST_F(CommunicatorTest, GathersInTheOrderOfTheRanks) {
  const at::Tensor all = ranks().all_gather(at::full({2, 3}, rank(), at::kFloat));
  ASSERT_EQ(all.sizes(), (std::vector<int64_t>{size(), 2, 3}));
  for (int64_t r = 0; r < size(); ++r) {
    EXPECT_TRUE(all[r].equal(at::full({2, 3}, r, at::kFloat)));
  }
}

TEST_F(CommunicatorTest, AcceptsEmptyTensors) {
  const at::Tensor empty = at::zeros({0});
  ranks().all_reduce_sum(empty);
  ranks().start_all_reduce_sum(empty)->wait();
  EXPECT_EQ(ranks().all_gather(empty).sizes(), (std::vector<int64_t>{size(), 0}));
}

TEST_F(CommunicatorTest, GathersAndBroadcastsTextsOfDifferentLengths) {
  const std::string mine(static_cast<size_t>(rank()), 'x');
  const std::vector<std::string> all = ranks().all_gather_text(mine);
  ASSERT_EQ(std::ssize(all), size());
  for (int64_t r = 0; r < size(); ++r) EXPECT_EQ(all[r].size(), static_cast<size_t>(r));

  const int last = static_cast<int>(size()) - 1;
  EXPECT_EQ(ranks().broadcast_text(rank() == last ? "said" : "something longer", last), "said");
  EXPECT_EQ(ranks().broadcast_text("", 0), "");
}

TEST_F(CommunicatorTest, RunsSeveralReductionsAtOnce) {
  const at::Tensor first = at::full({1000}, rank(), at::kFloat);
  const at::Tensor second = at::ones({300'000});
  const auto pending_first = ranks().start_all_reduce_sum(first);
  const auto pending_second = ranks().start_all_reduce_sum(second);
  ranks().barrier();  // Other operations may run in between.
  pending_second->wait();
  while (!pending_first->poll()) {
  }
  EXPECT_TRUE(pending_first->poll());  // poll() keeps returning true.
  pending_first->wait();
  EXPECT_TRUE(first.equal(at::full({1000}, sum_of_ranks(), at::kFloat)));
  EXPECT_TRUE(second.equal(at::full({300'000}, size(), at::kFloat)));
}

TEST_F(CommunicatorTest, OperationsOfADuplicateDoNotMixWithThoseOfTheOriginal) {
  const auto other = ranks().duplicate();
  const at::Tensor here = at::full({10}, 1, at::kFloat);
  const at::Tensor there = at::full({10}, 2, at::kFloat);
  // Even ranks start with `first`, odd ranks with `second`. On a single communicator this would add
  // the wrong tensors.
  std::unique_ptr<PendingReduction> first, second;
  if (rank() % 2 == 0) {
    first = ranks().start_all_reduce_sum(here);
    second = other->start_all_reduce_sum(there);
  } else {
    second = other->start_all_reduce_sum(there);
    first = ranks().start_all_reduce_sum(here);
  }
  first->wait();
  second->wait();
  EXPECT_TRUE(here.equal(at::full({10}, size(), at::kFloat)));
  EXPECT_TRUE(there.equal(at::full({10}, 2 * size(), at::kFloat)));
}

TEST_F(CommunicatorTest, SumIsTheSameOnEveryRankToTheLastBit) {
  // Values of very different magnitude, so that the sum depends on the order of the additions.
  const at::Tensor values = at::arange(100'003, at::kFloat).mul(0.37 + rank()).exp2_().fmod_(1e6);
  values.nan_to_num_(1, 1, 1);
  ranks().all_reduce_sum(values);
  const at::Tensor all = ranks().all_gather(values);
  for (int64_t r = 0; r < size(); ++r) EXPECT_TRUE(all[r].equal(all[0])) << r;
}

TEST_F(CommunicatorTest, RefusesTensorsAndRanksThatMpiCannotHandle) {
  MpiCommunicator communicator(MPI_COMM_WORLD);
  EXPECT_THAT([&] { communicator.all_reduce_sum(at::zeros({2}, at::kHalf)); },
              ThrowsMessage<Error>(HasSubstr("Half")));
  EXPECT_THAT(
      [&] {
        communicator.all_reduce_max(at::zeros({4, 4}).t().slice(0, 0, 2));
      },
      ThrowsMessage<Error>(HasSubstr("contiguous")));
  EXPECT_THAT([&] { communicator.broadcast(at::Tensor(), 0); },
              ThrowsMessage<Error>(HasSubstr("undefined")));
  EXPECT_THAT([&] { communicator.broadcast(at::zeros({1}), 99); },
              ThrowsMessage<Error>(HasSubstr("MPI_Ibcast")));
}

/// Limits each MPI call to three elements, as if the maximum count of MPI were three.
TEST_F(CommunicatorTest, CutsLargeTensorsIntoPieces) {
  MpiCommunicator pieces(MPI_COMM_WORLD, /*max_count=*/3);
  const at::Tensor expected = at::arange(10, at::kFloat) * size() + sum_of_ranks();
  const at::Tensor summed = at::arange(10, at::kFloat) + rank();
  pieces.all_reduce_sum(summed);
  EXPECT_TRUE(summed.equal(expected));

  const at::Tensor later = at::arange(10, at::kFloat) + rank();
  pieces.start_all_reduce_sum(later)->wait();
  EXPECT_TRUE(later.equal(expected));

  const at::Tensor sent = at::arange(10, at::kFloat) + rank();
  pieces.broadcast(sent, 0);
  EXPECT_TRUE(sent.equal(at::arange(10, at::kFloat)));

  const at::Tensor all = pieces.all_gather(at::arange(10, at::kFloat) + rank());
  for (int64_t r = 0; r < size(); ++r) {
    EXPECT_TRUE(all[r].equal(at::arange(10, at::kFloat) + r));
  }
}

}  // namespace
}  // namespace gm
