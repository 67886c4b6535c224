// Axes with round ticks.
#include "report/axis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

TEST(Axis, TicksAreRoundAndInside) {
  EXPECT_THAT(Axis::exact({0, 1000}).ticks(), ElementsAre(0, 200, 400, 600, 800, 1000));
  const double sizes[] = {1e-12, 0.003, 1, 7, 123456, 1e12};
  for (const double size : sizes) {
    for (const AxisScale scale :
         {AxisScale::kLinear, AxisScale::kFromZero, AxisScale::kLogIfWide}) {
      for (const double ratio : {1.0001, 1.5, 9.0, 11.0, 1e3, 1e9}) {
        const Axis axis(scale, {size, size * ratio});
        const auto ticks = axis.ticks();
        EXPECT_GE(ticks.size(), 2U) << size << " " << ratio;
        EXPECT_LE(ticks.size(), 10U) << size << " " << ratio;
        EXPECT_THAT(ticks, Each(AllOf(Ge(axis.low() - 1e-9 * size), Le(axis.high() * 1.000001))));
        EXPECT_TRUE(std::ranges::is_sorted(ticks));
      }
    }
  }
}

TEST(Axis, IsLogarithmicForPositiveValuesOfDifferentSize) {
  EXPECT_TRUE(Axis(AxisScale::kLogIfWide, {0.01, 1}).is_log());
  EXPECT_FALSE(Axis(AxisScale::kLogIfWide, {0.5, 1}).is_log());
  EXPECT_FALSE(Axis(AxisScale::kLogIfWide, {0, 1}).is_log());
  EXPECT_FALSE(Axis(AxisScale::kLogIfWide, {-1, 1000}).is_log());
  EXPECT_FALSE(Axis(AxisScale::kLinear, {0.01, 1}).is_log());
  const Axis axis(AxisScale::kLogIfWide, {0.01, 1});
  EXPECT_NEAR(axis.position(0.1), 0.5, 1e-9);
}

TEST(Axis, BeginsAtZeroIfAsked) {
  EXPECT_EQ(Axis(AxisScale::kFromZero, {100, 110}).low(), 0);
  EXPECT_LT(Axis(AxisScale::kFromZero, {-5, 10}).low(), -5) << "no value is cut off";
}

TEST(Axis, AnyValuesHaveAnAxis) {
  for (const auto& values : {std::vector<double>{}, {NAN}, {INFINITY}, {0}, {5, 5}, {-2}}) {
    for (const AxisScale scale : {AxisScale::kLinear, AxisScale::kLogIfWide}) {
      const Axis axis(scale, values);
      EXPECT_LT(axis.low(), axis.high());
      EXPECT_FALSE(axis.ticks().empty());
      const double value = values.empty() || !std::isfinite(values[0]) ? 0.5 : values[0];
      EXPECT_THAT(axis.position(value), AllOf(Ge(0), Le(1)));
    }
  }
}

TEST(Axis, NumbersAreShort) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.0123456), "0.01235");
  EXPECT_EQ(short_number(1500), "1,500");
  EXPECT_EQ(short_number(-123456.7), "-123,457");
  EXPECT_EQ(short_number(2e6), "2M");
  EXPECT_EQ(short_number(1e-9), "1e-09");
  EXPECT_EQ(short_number(NAN), "-");
}

}  // namespace
}  // namespace gm
