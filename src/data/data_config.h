/// The `[data]` section of a run's configuration.
#pragma once

#include <cstdint>
#include <string>

#include "image/fit_kind.h"

namespace gm {

inline constexpr int64_t kMostShards = 65536;

struct DataConfig {
  std::string path = "./data/train/";
  std::string classes = "all";
  int64_t image_size = 32;
  Fit fit = Fit::kCrop;
  double holdout = 0.0;
  int64_t shards = 0;  ///< 0: see automatic_shards() in data/shard_order.h.
  bool flip = true;
  double resize_crop = 1.12;
  int64_t prefetch = 4;
  std::string cache;

  template <class Fields>
  void describe(Fields& field) {
    field("path", path)
        .path()
        .not_empty()
        .help(
            "The images: an HDF5 file made by gm_data, a folder of such files, a folder of JPEG "
            "and PNG files with one sub-folder per class, or a single JPEG or PNG file.");
    field("classes", classes).help("Classes to train on, separated by commas (cat,dog), or all.");
    field("image_size", image_size)
        .range(4, 4096)
        .help("Height and width of the images in pixels; an HDF5 file must hold this size.");
    field("fit", fit)
        .help(
            "How a non-square image of a folder is made square: crop the centre, pad with a "
            "border, or squash (distort).");
    field("holdout", holdout)
        .range(0.0, 0.9)
        .help(
            "Fraction of a folder's images that is kept from training, for evaluation, chosen by "
            "content; an HDF5 file has its own, from gm_data pack --holdout.");
    field("shards", shards)
        .range(0, kMostShards)
        .help(
            "Virtual shards of the dataset; the number of ranks must divide it, and it must "
            "divide train.batch_size. 0: chosen automatically when a run starts, then kept by "
            "the run: train.batch_size, or fewer so that a shard has at least 100 images.");
    field("flip", flip).help("Mirror half of the images, chosen at random.");
    field("resize_crop", resize_crop)
        .range(1.0, 4.0)
        .help(
            "Enlarge each image by this factor and crop it to image_size at a random position; 1 "
            "leaves images unchanged.");
    field("prefetch", prefetch).range(1, 1024).help("Micro-batches that the loader keeps ready.");
    field("cache", cache)
        .path()
        .help(
            "Folder for packed copies of image folders; empty means $XDG_CACHE_HOME/gm, or "
            "~/.cache/gm.");
  }
};

}  // namespace gm
