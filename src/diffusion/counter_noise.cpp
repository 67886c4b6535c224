#include "diffusion/counter_noise.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include "device/operator.h"
#include "device/transfer.h"

// `seed` and `stream` are the bits of the unsigned values. The result is [n,H,W,C].
TORCH_LIBRARY_FRAGMENT(gm, library) {
  library.def(
      "counter_normal(Tensor positions, int seed, int stream, int draw, int height, int width, "
      "int channels) -> Tensor noise");
}

namespace gm {
namespace {

using CounterNormal = at::Tensor(const at::Tensor&, int64_t, int64_t, int64_t, int64_t, int64_t,
                                 int64_t);

at::Tensor counter_normal_on_cpu(const at::Tensor& positions, int64_t seed, int64_t stream,
                                 int64_t draw, int64_t height, int64_t width, int64_t channels) {
  const at::Tensor noise =
      at::empty({positions.size(0), height, width, channels}, at::dtype(at::kFloat));
  const auto position = positions.accessor<int64_t, 1>();
  const int64_t values = channels * height * width;
  float* data = noise.data_ptr<float>();
  at::parallel_for(0, positions.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      CounterRng random(static_cast<uint64_t>(seed), static_cast<Stream>(stream),
                        static_cast<uint64_t>(position[n]), static_cast<uint32_t>(draw));
      random.fill_normal({data + n * values, static_cast<size_t>(values)});
    }
  });
  return noise;
}

}  // namespace

at::Tensor counter_normal(uint64_t seed, Stream stream, const at::Tensor& positions, uint32_t draw,
                          at::IntArrayRef shape, at::Device device) {
  static const Operator<CounterNormal> draw_noise("gm::counter_normal");
  const at::Device drawn_on = draw_noise.has_kernel_for(device) ? device : at::Device(at::kCPU);
  const at::Tensor noise = draw_noise(upload(positions, drawn_on), static_cast<int64_t>(seed),
                                      static_cast<int64_t>(stream), static_cast<int64_t>(draw),
                                      shape[1], shape[2], shape[0]);
  return (drawn_on == device ? noise : upload(noise, device)).permute({0, 3, 1, 2});
}

at::Tensor counter_timesteps(uint64_t seed, const at::Tensor& positions, int64_t steps,
                             at::Device device) {
  at::Tensor timesteps = at::empty_like(positions);
  const auto position = positions.accessor<int64_t, 1>();
  auto t = timesteps.accessor<int64_t, 1>();
  for (int64_t n = 0; n < positions.size(0); ++n) {
    CounterRng random(seed, Stream::kTimestep, static_cast<uint64_t>(position[n]));
    t[n] = random.below(static_cast<uint32_t>(steps));
  }
  return upload(timesteps, device);
}

NoiseSource counter_sampling_noise(uint64_t seed, const at::Tensor& positions,
                                   at::IntArrayRef shape, at::Device device) {
  return [seed, positions, shape = shape.vec(), device](int64_t draw) {
    return counter_normal(seed, Stream::kSampling, positions, static_cast<uint32_t>(draw), shape,
                          device);
  };
}

}  // namespace gm

TORCH_LIBRARY_IMPL(gm, CPU, library) { library.impl("counter_normal", &gm::counter_normal_on_cpu); }
