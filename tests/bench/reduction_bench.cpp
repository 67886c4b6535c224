// What summing the gradients adds to a backward pass: not at all, after it, and while it runs.
//
//   mpirun -n 2 build/release/bench/reduction_bench
//
// The network is a chain of layers with as many parameters as the reference's U-Net (2.47 million).
// The three ways take turns in each round; medians over the rounds, of the reduction the median of
// the differences within a round, so that a busy machine disturbs it less.
#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tanh.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/gradient_reducer.h"
#include "comm/run_program.h"
#include "comm/world.h"
#include "train/flat_parameters.h"

namespace gm {
namespace {

constexpr int64_t kLayers = 34;
constexpr int64_t kWidth = 269;
constexpr int64_t kRows = 800;
constexpr int kRounds = 31;

NamedTensors chain_of_layers() {
  NamedTensors layers;
  for (int64_t i = 0; i < kLayers; ++i) {
    at::Tensor weight = at::randn({kWidth, kWidth}).mul_(0.05);
    layers.emplace_back("layer" + std::to_string(i), weight.set_requires_grad(true));
  }
  return layers;
}

struct Way {
  std::string name;
  std::unique_ptr<GradientReducer> reducer;
  bool synchronize;
  std::vector<double> seconds = {};
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double median_difference(const Way& way, const Way& other) {
  std::vector<double> differences;
  for (size_t i = 0; i < way.seconds.size(); ++i) {
    differences.push_back(way.seconds[i] - other.seconds[i]);
  }
  return median(differences);
}

void run_backward(Communicator& ranks, const NamedTensors& layers, const at::Tensor& input,
                  Way& way) {
  at::Tensor x = input;
  for (const auto& [name, weight] : layers) x = at::tanh(at::mm(x, weight));
  const at::Tensor loss = x.square().sum();
  ranks.barrier();
  const auto start = std::chrono::steady_clock::now();
  way.reducer->begin_step(way.synchronize);
  loss.backward();
  way.reducer->finish();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  way.seconds.push_back(taken.count());
}

int race(World& world) {
  Communicator& ranks = world.communicator();
  const NamedTensors layers = chain_of_layers();
  FlatParameters flat(layers);
  const at::Tensor input = at::randn({kRows, kWidth});

  // The hooks of the bucketed reducer do nothing in the turns of the others.
  std::vector<Way> ways;
  ways.push_back({"none", std::make_unique<NaiveReducer>(ranks, flat.gradients()), false});
  ways.push_back({"naive", std::make_unique<NaiveReducer>(ranks, flat.gradients()), true});
  ways.push_back(
      {"bucketed",
       std::make_unique<BucketedReducer>(ranks, flat.gradients(), flat.gradient_slices()), true});
  for (int round = 0; round < kRounds; ++round) {
    for (Way& way : ways) run_backward(ranks, layers, input, way);
  }

  if (world.rank() != 0) return 0;
  fmt::print("{} ranks, {} thread(s) each, {:.2f} million parameters\n", world.size(),
             world.threads(), static_cast<double>(flat.parameter_count()) / 1e6);
  for (const Way& way : ways) {
    const double total = median(way.seconds);
    const double reduction = median_difference(way, ways.front());
    fmt::print("{:9} backward {:7.2f} ms, reduction {:6.2f} ms = {:4.1f} % of it\n", way.name,
               1e3 * total, 1e3 * reduction, 100 * reduction / total);
  }
  return 0;
}

}  // namespace
}  // namespace gm

int main() { return gm::run_program(gm::race); }
