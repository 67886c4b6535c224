#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include "comm/communicator.h"
#include "comm/consistency.h"

namespace gm {
namespace {

TEST(SelfCommunicatorTest, LeavesValuesAsTheyAre) {
  SelfCommunicator self;
  const at::Tensor values = at::arange(4, at::kFloat);
  self.all_reduce_sum(values);
  self.all_reduce_max(values);
  self.broadcast(values, 0);
  const auto pending = self.start_all_reduce_sum(values);
  EXPECT_TRUE(pending->poll());
  pending->wait();
  self.barrier();
  EXPECT_TRUE(values.equal(at::arange(4, at::kFloat)));
  EXPECT_EQ(self.rank(), 0);
  EXPECT_EQ(self.duplicate()->size(), 1);
}

TEST(SelfCommunicatorTest, GathersACopyOfOneEntry) {
  SelfCommunicator self;
  const at::Tensor values = at::arange(4, at::kFloat);
  const at::Tensor all = self.all_gather(values);
  EXPECT_EQ(all.sizes(), (std::vector<int64_t>{1, 4}));
  EXPECT_FALSE(all.is_alias_of(values));
}

TEST(SelfCommunicatorTest, BroadcastsAndGathersText) {
  SelfCommunicator self;
  EXPECT_EQ(self.broadcast_text("text", 0), "text");
  EXPECT_EQ(self.all_gather_text(""), std::vector<std::string>{""});
}

TEST(SelfCommunicatorTest, AgreesWithItself) {
  SelfCommunicator self;
  require_same_program(self);
  require_equal_parameters(self, 1, "hash");
}

}  // namespace
}  // namespace gm
