// Curves of any length in bounded memory.
#include "report/downsampled_curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gm {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

double highest(const std::vector<Point>& points) {
  return std::ranges::max(points, {}, &Point::y).y;
}

TEST(DownsampledCurve, KeepsEveryPointOfAShortCurve) {
  DownsampledCurve curve;
  for (int i = 1; i <= 300; ++i) curve.add(i, i % 7);
  const auto points = curve.extremes();
  ASSERT_THAT(points, SizeIs(300));
  EXPECT_EQ(points[9].x, 10);
  EXPECT_EQ(points[9].y, 3);
}

TEST(DownsampledCurve, KeepsASpikeAmongAMillionPoints) {
  DownsampledCurve curve;
  for (int i = 1; i <= 1'000'000; ++i) curve.add(i, i == 654'321 ? 100 : std::sin(i));
  const auto points = curve.extremes();
  EXPECT_LE(points.size(), 1024U);
  EXPECT_EQ(highest(points), 100);
  EXPECT_EQ(std::ranges::max(points, {}, &Point::y).x, 654'321);
  EXPECT_TRUE(std::ranges::is_sorted(points, {}, &Point::x));
  EXPECT_EQ(curve.count(), 1'000'000);
  EXPECT_LT(highest(curve.means()), 1) << "the spike is one of about two thousand in its part";
}

TEST(DownsampledCurve, ValuesThatAreNotFiniteAreGaps) {
  DownsampledCurve curve;
  for (int i = 1; i <= 10; ++i) curve.add(i, i == 4 ? NAN : i == 5 ? INFINITY : 1);
  const auto points = curve.extremes();
  ASSERT_THAT(points, SizeIs(10));
  EXPECT_TRUE(std::isnan(points[3].y) && std::isnan(points[4].y));
  EXPECT_EQ(curve.count(), 8);
  EXPECT_EQ(curve.last(), 1);
  EXPECT_TRUE(std::isnan(DownsampledCurve().last()));
}

TEST(DownsampledCurve, IsSmoothedWithoutLag) {
  DownsampledCurve line, noise;
  for (int i = 1; i <= 5000; ++i) {
    line.add(i, 3.0 * i);
    noise.add(i, i % 2);
  }
  const std::vector<Point> smooth = line.smoothed();
  for (size_t i = 10; i < smooth.size() - 10; ++i) {
    EXPECT_NEAR(smooth[i].y, 3 * smooth[i].x, 1e-6 * smooth[i].y);
  }
  EXPECT_NEAR(smooth.back().y, 3 * (4881 + 5000) / 2.0, 1e-6) << "the mean of the last points";
  for (const Point& point : noise.smoothed()) EXPECT_NEAR(point.y, 0.5, 0.01);
  DownsampledCurve one;
  one.add(1, 2);
  EXPECT_THAT(one.smoothed(), IsEmpty());
}

}  // namespace
}  // namespace gm
