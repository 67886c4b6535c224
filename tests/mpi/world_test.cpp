#include "comm/world.h"

#include <ATen/Parallel.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "comm/communicator.h"
#include "support/test_world.h"

namespace gm {
namespace {

TEST(WorldTest, RanksAreNumberedWithoutGaps) {
  Communicator& ranks = test_world().communicator();
  const at::Tensor all = ranks.all_gather(at::tensor({test_world().rank()}, at::kLong));
  for (int64_t rank = 0; rank < test_world().size(); ++rank) {
    EXPECT_EQ(all[rank].item<int64_t>(), rank);
  }
  EXPECT_EQ(ranks.rank(), test_world().rank());
  EXPECT_EQ(ranks.size(), test_world().size());
}

TEST(WorldTest, LocalRanksAreNumberedOnEachHost) {
  const World& world = test_world();
  const std::string place = world.host() + " " + std::to_string(world.local_rank());
  const auto places = test_world().communicator().all_gather_text(place);
  EXPECT_EQ(std::set<std::string>(places.begin(), places.end()).size(), places.size());
  const auto here = std::count_if(places.begin(), places.end(), [&](const std::string& other) {
    return other.starts_with(world.host() + " ");
  });
  EXPECT_EQ(world.local_size(), here);
  EXPECT_LT(world.local_rank(), world.local_size());
}

TEST(WorldTest, OperatorsUseTheThreadsOfTheWorld) {
  EXPECT_GE(test_world().threads(), 1);
  EXPECT_EQ(at::get_num_threads(), test_world().threads());
}

}  // namespace
}  // namespace gm
