/// The `[mask]` section of a run's configuration: which pixels of an image are masked.
#pragma once

#include <array>
#include <string>
#include <utility>

namespace gm {

/// mask_shapes.h describes the shapes.
enum class MaskKind {
  kRectangle,
  kBoxes,
  kStrokes,
  kHalf,
  kCentre,
  kPixels,
  kMixed,  ///< One of the kinds above, chosen at random for each image.
  kFiles,  ///< Read from files.
};
constexpr auto names_of(MaskKind) {
  using enum MaskKind;
  return std::to_array<std::pair<MaskKind, const char*>>({{kRectangle, "rectangle"},
                                                          {kBoxes, "boxes"},
                                                          {kStrokes, "strokes"},
                                                          {kHalf, "half"},
                                                          {kCentre, "centre"},
                                                          {kPixels, "pixels"},
                                                          {kMixed, "mixed"},
                                                          {kFiles, "files"}});
}

struct MaskConfig {
  MaskKind kind = MaskKind::kStrokes;
  double coverage_min = 0.1;
  double coverage_max = 0.5;
  std::string path;

  template <class Fields>
  void describe(Fields& field) {
    field("kind", kind)
        .help(
            "Shape of the missing part, drawn at random for each image. mixed chooses one of the "
            "shapes for each image, files takes the masks of mask.path.");
    field("coverage_min", coverage_min)
        .range(0.0, 0.95)
        .help("Smallest fraction of an image that is missing; ignored by half and files.");
    field("coverage_max", coverage_max)
        .range(0.0, 0.95)
        .help("Largest fraction of an image that is missing.");
    field("path", path)
        .path()
        .help(
            "For mask.kind = \"files\": a PNG file, or a folder of them, of the images' size, "
            "white "
            "(255 or 1) where pixels are missing and black (0) elsewhere.");
  }
};

}  // namespace gm
