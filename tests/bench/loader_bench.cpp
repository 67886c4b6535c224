// Prints how many images per second the loader returns: loader_bench FILE SECONDS plain|augmented.
// loader.py compares it with torchvision.
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "data/image_reader.h"
#include "data/loader.h"
#include "data/shard_order.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: loader_bench FILE SECONDS plain|augmented\n");
    return 2;
  }
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kBatch = 32;
  const auto dataset = std::make_shared<const gm::ImageDataset>(argv[1]);
  const double seconds = std::atof(argv[2]);
  gm::AugmentationOptions augmentation;
  if (std::strcmp(argv[3], "augmented") == 0) augmentation = {.resize_crop = 1.12, .flip = true};
  gm::Loader loader(std::make_unique<gm::ShardOrder>(gm::ShardOrder::Options{
                        .dataset_size = dataset->size(), .shards = 8, .batch_size = kBatch}),
                    std::make_unique<gm::ImageReader>(dataset, augmentation), {});
  for (int m = 0; m < 100; ++m) loader.next();

  const auto start = Clock::now();
  int64_t images = 0;
  double taken = 0;
  while (taken < seconds) {
    for (int m = 0; m < 20; ++m) loader.next();
    images += 20 * kBatch;
    taken = std::chrono::duration<double>(Clock::now() - start).count();
  }
  fmt::print("{:.0f}\n", static_cast<double>(images) / taken);
  return 0;
}
