// Runs training steps of the reference network when told to: one half of training_step.py's race.
//
// Usage: training_step THREADS BATCH. Reads a number of steps a line, runs them, and answers with
// the seconds that they took and the peak memory in MiB, until its input ends.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <chrono>
#include <iostream>
#include <string>

#include "base/allocator.h"
#include "diffusion/gaussian_diffusion.h"
#include "diffusion/keyed_noise.h"
#include "nn/unet.h"
#include "train/adam.h"
#include "train/flat_parameters.h"

namespace gm {
namespace {

constexpr int64_t kChannels = 3;
constexpr int64_t kSize = 32;
constexpr int64_t kMicroBatches = 2;

/// The reference run without its data: random pictures, two micro-batches a step, Adam.
class Training {
 public:
  explicit Training(int64_t batch)
      : batch_(batch), images_(at::rand({batch, kChannels, kSize, kSize}) * 2 - 1) {}

  void step() {
    flat_.zero_gradients();
    for (int64_t i = 0; i < kMicroBatches; ++i) loss().backward();
    adam_update(flat_, {}, /*learning_rate=*/1e-3, ++updates_, kMicroBatches);
    network_.weights_changed();
  }

 private:
  at::Tensor loss() {
    const at::Tensor positions = at::arange(seen_, seen_ + batch_, at::kLong);
    seen_ += batch_;
    const at::Tensor noise =
        keyed_normal(1, Stream::kNoise, positions, /*draw=*/0, kChannels, kSize, kSize);
    const at::Tensor t = keyed_timesteps(1, positions, diffusion_.steps());
    const auto network = [&](const at::Tensor& x, const at::Tensor& s) {
      return network_.forward(x, s);
    };
    return diffusion_.loss(network, images_, t, noise);
  }

  int64_t batch_;
  at::Tensor images_;
  Unet network_{{}, kChannels, /*seed=*/1};
  GaussianDiffusion diffusion_{{}};
  FlatParameters flat_{network_.parameter_list()};
  int64_t seen_ = 0;
  int64_t updates_ = 0;
};

double peak_mebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

void serve(int64_t batch) {
  Training training(batch);
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = std::stoi(line); i > 0; --i) training.step();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::cout << seconds.count() << ' ' << peak_mebibytes() << std::endl;
  }
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::tune_allocator();
  if (argc != 3) {
    std::cerr << "usage: training_step THREADS BATCH\n";
    return 2;
  }
  at::set_num_threads(std::stoi(argv[1]));
  gm::serve(std::stoi(argv[2]));
  return 0;
}
