#include "diffusion/counter_noise.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace gm {

at::Tensor counter_normal(uint64_t seed, Stream stream, const at::Tensor& positions, uint32_t draw,
                          int64_t channels, int64_t height, int64_t width) {
  const at::Tensor noise =
      at::empty({positions.size(0), height, width, channels}, at::dtype(at::kFloat));
  const auto position = positions.accessor<int64_t, 1>();
  const int64_t values = channels * height * width;
  float* data = noise.data_ptr<float>();
  at::parallel_for(0, positions.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      CounterRng random(seed, stream, static_cast<uint64_t>(position[n]), draw);
      random.fill_normal({data + n * values, static_cast<size_t>(values)});
    }
  });
  return noise.permute({0, 3, 1, 2});
}

at::Tensor counter_timesteps(uint64_t seed, const at::Tensor& positions, int64_t steps) {
  at::Tensor timesteps = at::empty_like(positions);
  const auto position = positions.accessor<int64_t, 1>();
  auto t = timesteps.accessor<int64_t, 1>();
  for (int64_t n = 0; n < positions.size(0); ++n) {
    CounterRng random(seed, Stream::kTimestep, static_cast<uint64_t>(position[n]));
    t[n] = random.below(static_cast<uint32_t>(steps));
  }
  return timesteps;
}

NoiseSource counter_sampling_noise(uint64_t seed, const at::Tensor& positions, int64_t channels,
                                   int64_t height, int64_t width) {
  return [=](int64_t draw) {
    return counter_normal(seed, Stream::kSampling, positions, static_cast<uint32_t>(draw), channels,
                          height, width);
  };
}

}  // namespace gm
