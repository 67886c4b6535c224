// Which rank delays the others, and by how much.
#include "telemetry/slowest_rank.h"

#include <gtest/gtest.h>

namespace gm {
namespace {

TEST(SlowestRank, IsComparedWithTheMedianOfTheRanks) {
  const SlowestRank found = slowest_rank({0.25, 0.25, 1, 0.5, 0.25});
  EXPECT_EQ(found.rank, 2);
  EXPECT_EQ(found.ratio, 4);
}

TEST(SlowestRank, OfTwoRanksIsComparedWithTheOther) {
  const SlowestRank found = slowest_rank({2, 0.25});
  EXPECT_EQ(found.rank, 0);
  EXPECT_EQ(found.ratio, 8);
}

TEST(SlowestRank, OfEqualRanksHasTheRatioOne) {
  EXPECT_EQ(slowest_rank({0.5, 0.5, 0.5, 0.5}).ratio, 1);
  EXPECT_EQ(slowest_rank({0.5}).ratio, 1);
  EXPECT_EQ(slowest_rank({0, 0}).ratio, 1);
}

}  // namespace
}  // namespace gm
