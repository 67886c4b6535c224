// Compares the speed of gm's operators with their plain forms, which use ATen's operators, on the
// shapes of the default network.
//
// Usage: operators_speed ROUNDS. Prints one JSON object per line: operator, shape, GFLOP/s of the
// plain form and of gm, forward and backward (a backward pass counts twice the operations of the
// forward pass), and the medians of the ratios within a round. All tensors are channels-last.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/kernel_set.h"
#include "base/malloc_settings.h"
#include "nn/ops/attention.h"
#include "nn/ops/channel_layer_norm.h"
#include "nn/ops/convolution3x3.h"
#include "nn/ops/downsample_convolution.h"
#include "nn/ops/group_norm_silu.h"
#include "nn/ops/input_convolution.h"
#include "nn/ops/linear_attention.h"
#include "nn/ops/pointwise_convolution.h"
#include "nn/ops/upsample_convolution.h"

namespace gm::ops {
namespace {

using at::Tensor;
using Clock = std::chrono::steady_clock;

constexpr int64_t kBatch = 16;
constexpr int64_t kHeads = 4;
constexpr int64_t kWidth = 128;  // Channels of all heads.
constexpr int64_t kGroups = 8;

/// One operator at one shape.
struct Case {
  std::string name;
  std::string shape;
  double flops;                ///< Of the forward pass; 0 for operators limited by memory.
  std::vector<Tensor> inputs;  ///< The inputs that need gradients.
  std::function<Tensor()> own;
  std::function<Tensor()> plain;
};

Tensor activations(int64_t channels, int64_t size, int64_t batch = kBatch) {
  return at::randn({batch, channels, size, size})
      .contiguous(at::MemoryFormat::ChannelsLast)
      .requires_grad_();
}

Tensor weight_of(int64_t out, int64_t in, int64_t size) {
  return at::randn({out, in, size, size})
      .mul_(0.1)
      .contiguous(at::MemoryFormat::ChannelsLast)
      .requires_grad_();
}

Tensor vector_of(int64_t channels) { return at::randn({channels}).requires_grad_(); }

/// Multiplications and additions of a convolution with `taps` weights per input and output channel.
double convolution_flops(int64_t in, int64_t out, int64_t size, int64_t taps) {
  return 2.0 * static_cast<double>(kBatch * size * size * in * out * taps);
}

std::string shape_text(int64_t in, int64_t out, int64_t size) {
  return std::to_string(in) + "-" + std::to_string(out) + " at " + std::to_string(size) + "x" +
         std::to_string(size);
}

Case conv3x3(int64_t in, int64_t skip, int64_t out, int64_t size) {
  const Tensor x = activations(in, size), weight = weight_of(out, in + skip, 3),
               bias = vector_of(out);
  const Tensor y = skip > 0 ? activations(skip, size) : Tensor();
  const auto prepared = prepare_convolution3x3(weight, size, size);
  std::vector<Tensor> inputs{x, weight, bias};
  if (y.defined()) inputs.push_back(y);
  return {skip > 0 ? "convolution 3x3, two inputs" : "convolution 3x3",
          shape_text(in + skip, out, size),
          convolution_flops(in + skip, out, size, 9),
          inputs,
          [=] { return convolution3x3(x, prepared, bias, y); },
          [=] { return convolution3x3_plain(x, weight, bias, y); }};
}

using Convolution = Tensor (*)(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// `size` is the height and width of the result.
Case convolution(const char* name, Convolution own, Convolution plain, const Tensor& x, int64_t out,
                 int64_t window, int64_t size) {
  const Tensor weight = weight_of(out, x.size(1), window), bias = vector_of(out);
  std::vector<Tensor> inputs{weight, bias};
  if (x.requires_grad()) inputs.push_back(x);
  return {name,
          shape_text(x.size(1), out, size),
          convolution_flops(x.size(1), out, size, window * window),
          inputs,
          [=] { return own(x, weight, bias); },
          [=] { return plain(x, weight, bias); }};
}

Case pointwise(int64_t in, int64_t out, int64_t size) {
  return convolution(
      "convolution 1x1",
      [](const Tensor& x, const Tensor& weight, const Tensor& bias) {
        return pointwise_convolution(x, weight, bias);
      },
      [](const Tensor& x, const Tensor& weight, const Tensor& bias) {
        return pointwise_convolution_plain(x, weight, bias);
      },
      activations(in, size), out, 1, size);
}

Case group_norm(int64_t channels, int64_t size) {
  const Tensor x = activations(channels, size), residual = activations(channels, size),
               weight = vector_of(channels), bias = vector_of(channels),
               scale_shift = at::randn({kBatch, 2 * channels}).requires_grad_();
  return {"group norm, scale, SiLU, residual",
          std::to_string(channels) + " at " + std::to_string(size) + "x" + std::to_string(size),
          0,
          {x, residual, weight, bias, scale_shift},
          [=] { return group_norm_silu(x, weight, bias, kGroups, scale_shift, residual); },
          [=] { return group_norm_silu_plain(x, weight, bias, kGroups, scale_shift, residual); }};
}

Case layer_norm(int64_t channels, int64_t size) {
  const Tensor x = activations(channels, size), residual = activations(channels, size);
  const Tensor gain = at::ones({1, channels, 1, 1}).requires_grad_();
  return {"channel layer norm, residual",
          std::to_string(channels) + " at " + std::to_string(size) + "x" + std::to_string(size),
          0,
          {x, residual, gain},
          [=] { return channel_layer_norm(x, gain, residual); },
          [=] { return channel_layer_norm_plain(x, gain, residual); }};
}

using Attention = Tensor (*)(const Tensor& x, const Tensor& to_qkv, const Tensor& to_out,
                             const Tensor& out_bias, int64_t heads);

/// `partners` is the number of values of a head that each value of q is multiplied with: channels
/// in linear attention, pixels in full attention.
Case attention_case(const char* name, Attention own, Attention plain, int64_t channels,
                    int64_t size, int64_t partners) {
  const Tensor x = activations(channels, size), to_qkv = weight_of(3 * kWidth, channels, 1),
               to_out = weight_of(channels, kWidth, 1), bias = vector_of(channels);
  return {name,
          std::to_string(channels) + " at " + std::to_string(size) + "x" + std::to_string(size),
          convolution_flops(channels, kWidth, size, 4) +
              2 * convolution_flops(kWidth, partners, size, 1),
          {x, to_qkv, to_out, bias},
          [=] { return own(x, to_qkv, to_out, bias, kHeads); },
          [=] { return plain(x, to_qkv, to_out, bias, kHeads); }};
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& [in, out, size] : std::vector<std::array<int64_t, 3>>{{16, 16, 32},
                                                                         {16, 16, 16},
                                                                         {32, 32, 16},
                                                                         {32, 32, 8},
                                                                         {64, 64, 8},
                                                                         {64, 64, 4},
                                                                         {128, 128, 4},
                                                                         {256, 256, 8},
                                                                         {512, 512, 4}}) {
    all.push_back(conv3x3(in, 0, out, size));
  }
  all.push_back(conv3x3(16, 16, 16, 32));
  all.push_back(conv3x3(32, 16, 32, 16));
  all.push_back(conv3x3(64, 32, 64, 8));
  all.push_back(conv3x3(128, 64, 128, 4));
  // An image; a masked image and its mask; noise, a masked image and its mask.
  for (const int64_t channels : {3, 4, 7}) {
    const auto image =
        at::randn({kBatch, channels, 32, 32}).contiguous(at::MemoryFormat::ChannelsLast);
    all.push_back(convolution("convolution 7x7 of the image", input_convolution,
                              input_convolution_plain, image, 16, 7, 32));
  }
  // Shapes of the U-Net, then of a discriminator.
  for (const auto& [in, out, size] : std::vector<std::array<int64_t, 3>>{
           {16, 16, 16}, {32, 64, 4}, {3, 64, 16}, {64, 128, 8}, {128, 256, 4}}) {
    all.push_back(convolution("convolution 4x4, stride 2", downsample_convolution,
                              downsample_convolution_plain, activations(in, 2 * size), out, 4,
                              size));
  }
  all.push_back(convolution("up-sampling, convolution 3x3", upsample_convolution,
                            upsample_convolution_plain, activations(32, 16), 16, 3, 32));
  all.push_back(convolution("up-sampling, convolution 3x3", upsample_convolution,
                            upsample_convolution_plain, activations(128, 4), 64, 3, 8));
  all.push_back(pointwise(16, 3, 32));
  all.push_back(pointwise(32, 16, 32));
  all.push_back(pointwise(192, 128, 4));
  for (const auto& [channels, size] :
       std::vector<std::array<int64_t, 2>>{{16, 32}, {32, 16}, {64, 8}, {128, 4}}) {
    all.push_back(group_norm(channels, size));
    all.push_back(layer_norm(channels, size));
    all.push_back(attention_case("linear attention", linear_attention, linear_attention_plain,
                                 channels, size, kWidth / kHeads));
  }
  all.push_back(attention_case("full attention", attention, attention_plain, 128, 4, 4 * 4));
  return all;
}

struct Times {
  double forward;
  double backward;
};

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The mean seconds of a pass over `repetitions`.
Times time(const Case& c, const std::function<Tensor()>& run, int64_t repetitions) {
  Times times{};
  for (int64_t i = 0; i < repetitions; ++i) {
    auto start = Clock::now();
    const Tensor y = run();
    times.forward += since(start);
    const Tensor dy = at::ones_like(y);
    start = Clock::now();
    // All passes share the graph of the prepared weight, so it must be retained.
    torch::autograd::grad({y}, c.inputs, {dy}, /*retain_graph=*/true);
    times.backward += since(start);
  }
  return {times.forward / static_cast<double>(repetitions),
          times.backward / static_cast<double>(repetitions)};
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

nlohmann::ordered_json race(const Case& c, int64_t rounds) {
  constexpr double kSecondsOfATurn = 0.03;
  const Times first = time(c, c.plain, 1), warm = time(c, c.plain, 1);
  time(c, c.own, 2);
  const auto repetitions = static_cast<int64_t>(std::ceil(
      kSecondsOfATurn / std::min(first.forward + first.backward, warm.forward + warm.backward)));
  std::vector<double> plain_forward, plain_backward, forward, backward, forward_ratio,
      backward_ratio;
  for (int64_t i = 0; i < rounds; ++i) {
    const Times plain = time(c, c.plain, repetitions), own = time(c, c.own, repetitions);
    plain_forward.push_back(plain.forward);
    plain_backward.push_back(plain.backward);
    forward.push_back(own.forward);
    backward.push_back(own.backward);
    forward_ratio.push_back(plain.forward / own.forward);
    backward_ratio.push_back(plain.backward / own.backward);
  }
  nlohmann::ordered_json row{{"operator", c.name}, {"shape", c.shape}};
  if (c.flops > 0) {
    row["ATen GFLOP/s forward"] = 1e-9 * c.flops / median(plain_forward);
    row["own forward"] = 1e-9 * c.flops / median(forward);
    row["ATen GFLOP/s backward"] = 2e-9 * c.flops / median(plain_backward);
    row["own backward"] = 2e-9 * c.flops / median(backward);
  }
  row["ratio forward"] = median(forward_ratio);
  row["ratio backward"] = median(backward_ratio);
  return row;
}

}  // namespace
}  // namespace gm::ops

int main(int argc, char** argv) {
  gm::tune_allocator();
  gm::require_wanted_kernel_set();
  const int64_t rounds = argc > 1 ? std::stoll(argv[1]) : 9;
  for (const auto& c : gm::ops::cases()) std::cout << gm::ops::race(c, rounds).dump() << std::endl;
  return 0;
}
