// Computes Frechet distances on request: gm's side of eval_speed.py.
//
// Usage: frechet_speed DIMENSION. serve.h describes the requests. A step is one distance.
#include <ATen/ops/cov.h>
#include <ATen/ops/randn.h>

#include <string>

#include "base/error.h"
#include "comm/run_program.h"
#include "comm/world.h"
#include "eval/frechet_distance.h"
#include "serve.h"

namespace gm {
namespace {

FeatureStatistics random_statistics(int64_t dimension) {
  const int64_t count = 2 * dimension;
  const at::Tensor features = at::randn({count, dimension}, at::kDouble);
  return {.count = count, .mean = features.mean(0), .covariance = at::cov(features.t())};
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::run_program([&](gm::World& world) {
    if (argc != 2) throw gm::InputError("usage: frechet_speed DIMENSION");
    const gm::FeatureStatistics a = gm::random_statistics(std::stoll(argv[1]));
    const gm::FeatureStatistics b = gm::random_statistics(std::stoll(argv[1]));
    gm::bench::serve(world, [&](int64_t steps) {
      while (steps-- > 0) gm::frechet_distance(a, b);
    });
    return gm::kExitDone;
  });
}
