/// Plots of curves over the steps of a run, as inline SVG.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/axis.h"
#include "report/downsampled_curve.h"
#include "report/html.h"

namespace gm {

struct PlotCurve {
  enum class Style {
    kLine,
    kFaint,  ///< The background of another curve; not in the legend.
    kDots,   ///< A line with a dot at each point, for few points.
  };

  std::string name;           ///< For the legend, and for the value at the pointer.
  std::vector<Point> points;  ///< By rising x. A y that is not finite is a gap.
  int color = 0;  ///< A colour of the page, from 0 on; curves that belong together share it.
  Style style = Style::kLine;
};

/// A vertical line at a step.
struct PlotMark {
  double x = 0;
  std::string label;  ///< "restarted"
};

struct Plot {
  std::string title;
  std::string unit = {};         ///< Of y; empty if it has none.
  std::string description = {};  ///< A sentence on what is drawn.
  AxisScale scale = AxisScale::kLinear;
  std::vector<PlotCurve> curves = {};
  bool is_stacked = false;  ///< Each curve is drawn as an area on top of those before it.
  std::vector<PlotMark> marks = {};
};

/// The number of different colours of curves.
inline constexpr int kPlotColors = 8;

/// A <figure> with title, legend and SVG; empty if the plot has no finite point.
Html draw(const Plot& plot);

/// The key of a curve in a legend: a small field of its colour.
Html color_key(int color);

}  // namespace gm
