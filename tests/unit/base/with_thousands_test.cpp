// Large numbers as text.
#include "base/with_thousands.h"

#include <gtest/gtest.h>

namespace gm {
namespace {

TEST(WithThousands, PutsACommaBetweenGroupsOfThree) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(1234567), "1,234,567");
}

}  // namespace
}  // namespace gm
