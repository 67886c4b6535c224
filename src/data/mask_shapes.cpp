#include "data/mask_shapes.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/enum_names.h"
#include "base/error.h"

namespace gm {
namespace {

struct Size {
  int64_t height, width;
  int64_t pixels() const { return height * width; }
};

/// How many pixels may be missing.
struct PixelRange {
  int64_t least, most;
  int64_t draw(CounterRng& random) const {
    return least + random.below(static_cast<uint32_t>(most - least + 1));
  }
};

/// The range of coverage in pixels, limited so that at least one pixel is missing and at least one
/// is known.
PixelRange pixel_range(const MaskConfig& config, const Size& image) {
  if (config.coverage_min > config.coverage_max) {
    throw InputError("mask.coverage_min is {}, more than mask.coverage_max, which is {}",
                     config.coverage_min, config.coverage_max);
  }
  constexpr double kRounding = 1e-9;  // in floating point, 0.07 * 100 is more than 7
  const auto pixels = static_cast<double>(image.pixels());
  const auto least = static_cast<int64_t>(std::ceil(config.coverage_min * pixels - kRounding));
  const auto most = static_cast<int64_t>(std::floor(config.coverage_max * pixels + kRounding));
  const PixelRange range{std::max<int64_t>(1, least), std::min(image.pixels() - 1, most)};
  if (range.least > range.most) {
    throw InputError(
        "mask.coverage_min = {} and mask.coverage_max = {}: no number of missing pixels is in this "
        "range; of the {} pixels of an image, at least one must be missing and one known; widen "
        "the range",
        config.coverage_min, config.coverage_max, image.pixels());
  }
  return range;
}

[[noreturn]] void refuse_range(const char* kind, const PixelRange& range, const Size& image) {
  throw InputError(
      "mask.coverage_min and mask.coverage_max: no mask of kind {} in {} x {} pixels has {} to {} "
      "missing pixels; widen the range",
      kind, image.width, image.height, range.least, range.most);
}

/// Draws a mask until it has a given number of missing pixels.
class Canvas {
 public:
  Canvas(std::span<float> mask, const Size& size, int64_t pixels)
      : mask_(mask), size_(size), left_(pixels) {}

  const Size& size() const { return size_; }
  bool is_done() const { return left_ == 0; }

  /// Marks the pixels [left, right) of row `y` as missing. Skips pixels outside the image, and
  /// stops when the mask is done.
  void paint(int64_t y, int64_t left, int64_t right) {
    if (y < 0 || y >= size_.height) return;
    float* const row = mask_.data() + y * size_.width;
    for (int64_t x = std::max<int64_t>(0, left), end = std::min(right, size_.width); x < end; ++x) {
      if (row[x] != 0.0F) continue;
      if (left_ == 0) return;
      row[x] = 1.0F;
      --left_;
    }
  }

  void paint_box(int64_t top, int64_t left, const Size& box) {
    for (int64_t y = top; y < top + box.height; ++y) paint(y, left, left + box.width);
  }

 private:
  std::span<float> mask_;
  Size size_;
  int64_t left_;
};

void draw_box(std::span<float> mask, const Size& image, int64_t top, int64_t left,
              const Size& box) {
  Canvas(mask, image, box.pixels()).paint_box(top, left, box);
}

/// A number from `low` to `high`, both included.
int64_t between(CounterRng& random, int64_t low, int64_t high) {
  return low + random.below(static_cast<uint32_t>(high - low + 1));
}

class Rectangle : public MaskShape {
 public:
  Rectangle(const Size& image, const PixelRange& range) : image_(image) {
    uint32_t sizes = 0;
    for (int64_t height = 1; height <= image.height; ++height) {
      const Widths widths = widths_of(height, range);
      sizes += static_cast<uint32_t>(std::max<int64_t>(0, widths.most - widths.least + 1));
      widths_.push_back(widths);
      ends_.push_back(sizes);
    }
    if (sizes == 0) refuse_range("rectangle", range, image);
  }

  void draw(CounterRng& random, std::span<float> mask) const override {
    const Size box = draw_size(random);
    const int64_t top = between(random, 0, image_.height - box.height);
    const int64_t left = between(random, 0, image_.width - box.width);
    draw_box(mask, image_, top, left, box);
  }

 private:
  struct Widths {
    int64_t least, most;
  };

  Widths widths_of(int64_t height, const PixelRange& range) const {
    const int64_t area = height * image_.width, twice = 2 * image_.height;
    const int64_t narrowest = (area + twice - 1) / twice, widest = 2 * area / image_.height;
    return {std::max(narrowest, (range.least + height - 1) / height),
            std::min({widest, image_.width, range.most / height})};
  }

  Size draw_size(CounterRng& random) const {
    const uint32_t drawn = random.below(ends_.back());
    const auto end = std::upper_bound(ends_.begin(), ends_.end(), drawn);
    const Widths& widths = widths_[static_cast<size_t>(end - ends_.begin())];
    return {end - ends_.begin() + 1, widths.most - (*end - 1 - drawn)};
  }

  Size image_;
  std::vector<Widths> widths_;  // for each height, from 1
  std::vector<uint32_t> ends_;  // number of sizes up to each height
};

class Boxes : public MaskShape {
 public:
  Boxes(const Size& image, const PixelRange& range) : image_(image), range_(range) {}

  void draw(CounterRng& random, std::span<float> mask) const override {
    const int64_t pixels = range_.draw(random);
    const int64_t area = (pixels + 2) / 3;
    Canvas canvas(mask, image_, pixels);
    while (!canvas.is_done()) {
      const Size box = draw_size(random, area);
      const int64_t top = draw_place(random, image_.height, box.height);
      canvas.paint_box(top, draw_place(random, image_.width, box.width), box);
    }
  }

 private:
  Size draw_size(CounterRng& random, int64_t area) const {
    const double side = std::sqrt(static_cast<double>(area) / 2.0);
    const int64_t height = between(random, static_cast<int64_t>(std::ceil(side)),
                                   static_cast<int64_t>(std::floor(2.0 * side)));
    return {height, (area + height - 1) / height};
  }

  /// Up to half of the box may be outside the image, so that corners are masked as often as other
  /// pixels.
  static int64_t draw_place(CounterRng& random, int64_t room, int64_t side) {
    return between(random, 0, room - 1) - side / 2;
  }

  Size image_;
  PixelRange range_;
};

class Strokes : public MaskShape {
 public:
  Strokes(const Size& image, const PixelRange& range) : image_(image), range_(range) {
    const auto side = static_cast<double>(std::min(image.height, image.width));
    shortest_ = side / 8.0;
    longest_ = side / 2.0;
    const double thinnest = std::max(0.5, side / 32.0), thickest = std::max(0.5, side / 10.0);
    for (uint32_t i = 0; i < kBrushes; ++i)
      brushes_.push_back(make_brush(thinnest + (thickest - thinnest) * i / (kBrushes - 1)));
  }

  void draw(CounterRng& random, std::span<float> mask) const override {
    Canvas canvas(mask, image_, range_.draw(random));
    while (!canvas.is_done()) draw_stroke(random, canvas);
  }

 private:
  static constexpr uint32_t kBrushes = 8;

  /// A disc around a pixel.
  struct Brush {
    std::vector<int64_t> half_widths;  // of the rows, from the middle row outwards
    double step;                       // distance between two dabs
  };

  struct Vector {
    double x, y;
  };

  static Brush make_brush(double radius) {
    Brush brush{{}, std::max(1.0, radius / 4.0)};
    for (double y = 0.0; y <= radius; y += 1.0)
      brush.half_widths.push_back(static_cast<int64_t>(std::sqrt(radius * radius - y * y)));
    return brush;
  }

  static void dab(const Brush& brush, const Vector& at, Canvas& canvas) {
    const auto x = static_cast<int64_t>(at.x), y = static_cast<int64_t>(at.y);
    const auto rows = static_cast<int64_t>(brush.half_widths.size());
    for (int64_t row = 1 - rows; row < rows; ++row) {
      const int64_t half = brush.half_widths[static_cast<size_t>(std::abs(row))];
      canvas.paint(y + row, x - half, x + half + 1);
    }
  }

  /// `direction`, rotated by twice the arc tangent of `tangent`.
  static Vector turned(const Vector& direction, double tangent) {
    const double square = tangent * tangent;
    const double cosine = (1.0 - square) / (1.0 + square), sine = 2.0 * tangent / (1.0 + square);
    return {cosine * direction.x - sine * direction.y, sine * direction.x + cosine * direction.y};
  }

  static double signed_uniform(CounterRng& random) { return 2.0 * random.uniform() - 1.0; }

  static Vector draw_direction(CounterRng& random) {
    constexpr std::array<Vector, 4> kQuarters{{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}};
    constexpr double kEighthTurn = 0.41421356237309503;  // tan(pi / 8)
    return turned(kQuarters[random.below(4)], kEighthTurn * signed_uniform(random));
  }

  bool holds(const Vector& at) const {
    return at.x >= 0.0 && at.y >= 0.0 && at.x < static_cast<double>(image_.width) &&
           at.y < static_cast<double>(image_.height);
  }

  /// Four to eight lines, each turned by at most 90 degrees from the previous one. A stroke ends
  /// when it leaves the image.
  void draw_stroke(CounterRng& random, Canvas& canvas) const {
    const Brush& brush = brushes_[random.below(kBrushes)];
    Vector at{static_cast<double>(image_.width) * random.uniform(),
              static_cast<double>(image_.height) * random.uniform()};
    Vector direction = draw_direction(random);
    for (uint32_t lines = 4 + random.below(5); lines > 0; --lines) {
      const double length = shortest_ + (longest_ - shortest_) * random.uniform();
      for (double done = 0.0; done < length; done += brush.step) {
        dab(brush, at, canvas);
        at = {at.x + brush.step * direction.x, at.y + brush.step * direction.y};
        if (canvas.is_done() || !holds(at)) return;
      }
      direction = turned(direction, signed_uniform(random));
    }
  }

  Size image_;
  PixelRange range_;
  double shortest_, longest_;  // line lengths
  std::vector<Brush> brushes_;
};

class Half : public MaskShape {
 public:
  explicit Half(const Size& image) : image_(image) {}

  void draw(CounterRng& random, std::span<float> mask) const override {
    const Size upper{image_.height / 2, image_.width};
    const Size left{image_.height, image_.width / 2};
    switch (random.below(4)) {
      case 0:
        return draw_box(mask, image_, 0, 0, left);
      case 1:
        return draw_box(mask, image_, 0, image_.width - left.width, left);
      case 2:
        return draw_box(mask, image_, 0, 0, upper);
      default:
        return draw_box(mask, image_, image_.height - upper.height, 0, upper);
    }
  }

 private:
  Size image_;
};

class Centre : public MaskShape {
 public:
  Centre(const Size& image, const PixelRange& range) : image_(image) {
    for (int64_t height = 1; height <= image.height; ++height) {
      const int64_t rounded = (2 * height * image.width + image.height) / (2 * image.height);
      const Size box{height, std::clamp<int64_t>(rounded, 1, image.width)};
      if (box.pixels() >= range.least && box.pixels() <= range.most) boxes_.push_back(box);
    }
    if (boxes_.empty()) refuse_range("centre", range, image);
  }

  void draw(CounterRng& random, std::span<float> mask) const override {
    const Size& box = boxes_[random.below(static_cast<uint32_t>(boxes_.size()))];
    draw_box(mask, image_, (image_.height - box.height) / 2, (image_.width - box.width) / 2, box);
  }

 private:
  Size image_;
  std::vector<Size> boxes_;
};

class Pixels : public MaskShape {
 public:
  explicit Pixels(const PixelRange& range) : range_(range) {}

  /// Floyd's algorithm for random sampling without replacement (Bentley, "Programming pearls: a
  /// sample of brilliance", 1987). Samples the missing or the known pixels, whichever are fewer.
  void draw(CounterRng& random, std::span<float> mask) const override {
    const auto pixels = static_cast<uint32_t>(mask.size());
    const auto missing = static_cast<uint32_t>(range_.draw(random));
    const bool choose_missing = missing <= pixels / 2;
    const float chosen = choose_missing ? 1.0F : 0.0F;
    if (!choose_missing) std::fill(mask.begin(), mask.end(), 1.0F);
    for (uint32_t last = pixels - (choose_missing ? missing : pixels - missing); last < pixels;
         ++last) {
      const uint32_t drawn = random.below(last + 1);
      mask[mask[drawn] == chosen ? last : drawn] = chosen;
    }
  }

 private:
  PixelRange range_;
};

class Mixed : public MaskShape {
 public:
  explicit Mixed(std::vector<std::unique_ptr<const MaskShape>> shapes)
      : shapes_(std::move(shapes)) {}

  void draw(CounterRng& random, std::span<float> mask) const override {
    shapes_[random.below(static_cast<uint32_t>(shapes_.size()))]->draw(random, mask);
  }

 private:
  std::vector<std::unique_ptr<const MaskShape>> shapes_;
};

/// `kind` is one of kDrawnMaskKinds.
std::unique_ptr<const MaskShape> make_drawn(MaskKind kind, const Size& image,
                                            const PixelRange& range) {
  switch (kind) {
    case MaskKind::kRectangle:
      return std::make_unique<Rectangle>(image, range);
    case MaskKind::kBoxes:
      return std::make_unique<Boxes>(image, range);
    case MaskKind::kStrokes:
      return std::make_unique<Strokes>(image, range);
    case MaskKind::kHalf:
      return std::make_unique<Half>(image);
    case MaskKind::kCentre:
      return std::make_unique<Centre>(image, range);
    case MaskKind::kPixels:
      return std::make_unique<Pixels>(range);
    case MaskKind::kMixed:
    case MaskKind::kFiles:
      break;
  }
  throw Error("masks of the kind {} are not drawn as one shape", name_of(kind));
}

}  // namespace

std::unique_ptr<const MaskShape> make_mask_shape(const MaskConfig& config, int64_t height,
                                                 int64_t width) {
  const Size image{height, width};
  const PixelRange range = pixel_range(config, image);
  if (config.kind != MaskKind::kMixed) return make_drawn(config.kind, image, range);
  std::vector<std::unique_ptr<const MaskShape>> shapes;
  for (const MaskKind kind : kDrawnMaskKinds) shapes.push_back(make_drawn(kind, image, range));
  return std::make_unique<Mixed>(std::move(shapes));
}

}  // namespace gm
