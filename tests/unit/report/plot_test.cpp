// Plots as SVG.
#include "report/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace gm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Plot plot_of(std::vector<PlotCurve> curves) { return {.title = "A", .curves = std::move(curves)}; }

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Plot, ACurveWithAGapHasTwoLines) {
  const std::string svg =
      draw(plot_of({{"a", {{1, 1}, {2, 2}, {3, NAN}, {4, 2}, {5, 1}}}})).markup();
  EXPECT_EQ(count(svg, "<polyline"), 2);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(Plot, ASinglePointIsVisible) {
  const std::string svg = draw(plot_of({{"a", {{1, 0.25}}}})).markup();
  EXPECT_EQ(count(svg, "<circle"), 1);
  EXPECT_THAT(svg, HasSubstr(">0.25<")) << "its value is at a tick";
}

TEST(Plot, WithoutAFinitePointThereIsNone) {
  EXPECT_TRUE(draw(plot_of({})).empty());
  EXPECT_TRUE(draw(plot_of({{"a", {}}, {"b", {{1, NAN}}}})).empty());
}

TEST(Plot, NamesAreEscaped) {
  const std::string name = "<script>\"&'";
  const std::string svg = draw({.title = name,
                                .unit = name,
                                .description = name,
                                .curves = {{name, {{1, 1}, {2, 2}}}, {"b", {{1, 1}, {2, 2}}}},
                                .marks = {{1.5, name}}})
                              .markup();
  EXPECT_THAT(svg, Not(HasSubstr("<script>")));
  EXPECT_EQ(count(svg, "&lt;script&gt;&quot;&amp;&#39;"), 7) << svg;
}

TEST(Plot, StackedCurvesAreAddedAndEndAtTheirSum) {
  Plot plot =
      plot_of({{"a", {{1, 1}, {2, 1}}}, {"b", {{1, 2}, {2, NAN}}}, {"c", {{1, 3}, {2, 3}}}});
  plot.is_stacked = true;
  plot.scale = AxisScale::kFromZero;
  const std::string svg = draw(plot).markup();
  EXPECT_EQ(count(svg, "<polygon"), 3);
  EXPECT_THAT(svg, HasSubstr("240 14 0 6.")) << "the y axis ends above 1 + 2 + 3";
}

TEST(Plot, MarksInTheRangeOfStepsAreDrawn) {
  Plot plot = plot_of({{"a", {{1, 1}, {9, 2}}}});
  plot.marks = {{5, "restarted"}, {20, "too late"}};
  const std::string svg = draw(plot).markup();
  EXPECT_THAT(svg, HasSubstr("<title>step 5: restarted</title>"));
  EXPECT_THAT(svg, Not(HasSubstr("too late")));
}

}  // namespace
}  // namespace gm
