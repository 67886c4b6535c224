#include "report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace gm {
namespace {

// In units of the SVG, which the browser scales to the width of the page.
constexpr double kWidth = 520, kHeight = 280;
constexpr double kLeft = 64, kRight = 26, kTop = 14, kBottom = 40;
constexpr double kDotRadius = 3;
constexpr size_t kMostDots = 60;

/// The place of values in the SVG.
struct Frame {
  Axis x, y;

  double at_x(double value) const { return kLeft + x.position(value) * (kWidth - kLeft - kRight); }
  double at_y(double value) const {
    return kHeight - kBottom - y.position(value) * (kHeight - kTop - kBottom);
  }
  std::string at(const Point& point) const {
    return fmt::format("{:.1f},{:.1f}", at_x(point.x), at_y(point.y));
  }
};

std::string coordinate(double value) { return fmt::format("{:.1f}", value); }

std::string color_class(int color) { return fmt::format("c{}", color % kPlotColors); }

/// After as many curves as there are colours, the lines are dashed.
std::string line_class(const PlotCurve& curve) {
  const bool is_faint = curve.style == PlotCurve::Style::kFaint;
  return color_class(curve.color) + (is_faint ? " faint" : "") +
         (curve.color >= kPlotColors ? " dashed" : "");
}

bool is_drawn(const Point& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

/// The parts of the curve between its gaps.
std::vector<std::vector<Point>> without_gaps(const std::vector<Point>& points) {
  std::vector<std::vector<Point>> segments;
  bool is_in_segment = false;
  for (const Point& point : points) {
    if (is_drawn(point)) {
      if (!is_in_segment) segments.emplace_back();
      segments.back().push_back(point);
    }
    is_in_segment = is_drawn(point);
  }
  return segments;
}

std::string svg_points(const Frame& frame, const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points) {
    if (!text.empty()) text += ' ';
    text += frame.at(point);
  }
  return text;
}

Html label(double x, double y, const char* anchor, const std::string& words) {
  return element("text", {{"x", coordinate(x)}, {"y", coordinate(y)}, {"text-anchor", anchor}},
                 text(words));
}

Html line(const char* css_class, double x1, double y1, double x2, double y2) {
  return element("line", {{"class", css_class},
                          {"x1", coordinate(x1)},
                          {"y1", coordinate(y1)},
                          {"x2", coordinate(x2)},
                          {"y2", coordinate(y2)}});
}

Html draw_axes(const Frame& frame) {
  const double bottom = kHeight - kBottom;
  Html svg;
  for (const double tick : frame.y.ticks()) {
    const double y = frame.at_y(tick);
    svg += line("grid", kLeft, y, kWidth - kRight, y);
    svg += label(kLeft - 7, y + 4, "end", short_number(tick));
  }
  for (const double tick : frame.x.ticks()) {
    const double x = frame.at_x(tick);
    if (tick != std::floor(tick)) continue;  // there are no half steps
    svg += line("tick", x, bottom, x, bottom + 5);
    svg += label(x, bottom + 19, "middle", short_number(tick));
  }
  svg += line("axis", kLeft, bottom, kWidth - kRight, bottom);
  svg += label(kWidth - kRight, kHeight - 4, "end", "step");
  return svg;
}

Html draw_marks(const Frame& frame, const std::vector<PlotMark>& marks) {
  Html svg;
  for (const PlotMark& mark : marks) {
    const double position = frame.x.position(mark.x);
    if (!(position >= 0 && position <= 1)) continue;
    const double x = frame.at_x(mark.x);
    const Html tip = element("title", text(fmt::format("step {}: {}", mark.x, mark.label)));
    svg += element("g", line("mark", x, kTop, x, kHeight - kBottom) + tip);
  }
  return svg;
}

/// A point alone between gaps is drawn as a dot: a line of one point is invisible.
Html draw_curve(const Frame& frame, const PlotCurve& curve) {
  const std::string css_class = line_class(curve);
  Html svg;
  for (const std::vector<Point>& segment : without_gaps(curve.points)) {
    svg += element(
        "polyline",
        {{"class", css_class}, {"data-name", curve.name}, {"points", svg_points(frame, segment)}});
    const bool has_dots = curve.style == PlotCurve::Style::kDots && segment.size() <= kMostDots;
    if (!has_dots && segment.size() > 1) continue;
    for (const Point& point : segment) {
      svg += element("circle", {{"class", css_class},
                                {"cx", coordinate(frame.at_x(point.x))},
                                {"cy", coordinate(frame.at_y(point.y))},
                                {"r", coordinate(kDotRadius)}});
    }
  }
  return svg;
}

/// The area between two curves of the same x.
Html draw_area(const Frame& frame, const PlotCurve& low, const PlotCurve& high) {
  std::vector<Point> outline = high.points;
  outline.insert(outline.end(), low.points.rbegin(), low.points.rend());
  std::erase_if(outline, [](const Point& point) { return !is_drawn(point); });
  return element("polygon", {{"class", line_class(high)}, {"points", svg_points(frame, outline)}});
}

Html draw_areas(const Frame& frame, const std::vector<PlotCurve>& curves) {
  Html svg;
  PlotCurve below = curves.front();
  for (Point& point : below.points) point.y = 0;
  for (const PlotCurve& curve : curves) {
    svg += draw_area(frame, below, curve) + draw_curve(frame, curve);
    below = curve;
  }
  return svg;
}

/// Each curve plus those before it. A gap counts as zero, so that the curves above it remain.
std::vector<PlotCurve> stacked(std::vector<PlotCurve> curves) {
  for (size_t i = 0; i < curves.size(); ++i) {
    for (size_t j = 0; j < curves[i].points.size(); ++j) {
      Point& point = curves[i].points[j];
      if (!std::isfinite(point.y)) point.y = 0;
      if (i > 0 && j < curves[i - 1].points.size()) point.y += curves[i - 1].points[j].y;
    }
  }
  return curves;
}

Html legend(const std::vector<PlotCurve>& curves) {
  std::set<std::string> seen;
  Html entries;
  for (const PlotCurve& curve : curves) {
    if (curve.style == PlotCurve::Style::kFaint || !seen.insert(curve.name).second) continue;
    entries += element("li", color_key(curve.color) + text(curve.name));
  }
  return seen.size() > 1 ? element("ul", "legend", entries) : Html();
}

Frame frame_of(const Plot& plot, const std::vector<PlotCurve>& curves) {
  std::vector<double> xs, ys;
  for (const PlotCurve& curve : curves) {
    for (const Point& point : curve.points) {
      if (!is_drawn(point)) continue;
      xs.push_back(point.x);
      ys.push_back(point.y);
    }
  }
  return {.x = Axis::exact(xs), .y = Axis(plot.scale, ys)};
}

/// The attributes from which the page's script computes values from places.
Attributes svg_attributes(const Plot& plot, const Frame& frame) {
  return {
      {"viewBox", fmt::format("0 0 {} {}", kWidth, kHeight)},
      {"role", "img"},
      {"aria-label", plot.title},
      {"data-x", fmt::format("{} {} {} {}", kLeft, kWidth - kRight, frame.x.low(), frame.x.high())},
      {"data-y",
       fmt::format("{} {} {} {}", kHeight - kBottom, kTop, frame.y.low(), frame.y.high())},
      {"data-scale", frame.y.is_log()  ? "log"
                     : plot.is_stacked ? "stacked"
                                       : "linear"}};
}

}  // namespace

Html color_key(int color) {
  return element("span", {{"class", "key " + color_class(color)}}, Html());
}

Html draw(const Plot& plot) {
  const auto is_empty = [](const PlotCurve& curve) {
    return std::ranges::none_of(curve.points, is_drawn);
  };
  std::vector<PlotCurve> curves = plot.curves;
  std::erase_if(curves, is_empty);
  if (curves.empty()) return {};
  if (plot.is_stacked) curves = stacked(std::move(curves));
  const Frame frame = frame_of(plot, curves);
  Html svg = draw_axes(frame) + draw_marks(frame, plot.marks);
  if (plot.is_stacked) {
    svg += draw_areas(frame, curves);
  } else {
    for (const PlotCurve& curve : curves) svg += draw_curve(frame, curve);
  }
  const std::string unit =
      frame.y.is_log() ? plot.unit + (plot.unit.empty() ? "log scale" : ", log scale") : plot.unit;
  const Html title = element("h3", text(plot.title) + element("small", text(unit)));
  return element("figure", element("figcaption",
                                   title + element("p", text(plot.description)) + legend(curves)) +
                               element("svg", svg_attributes(plot, frame), svg));
}

}  // namespace gm
