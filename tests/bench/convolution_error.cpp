// Rounding errors of the 3x3 convolutions of a trained network: compares the kernels of gm and ATen
// with double precision, on the weights, activations and gradients of the network.
//
// Usage: convolution_error WEIGHTS DIM. WEIGHTS is model.safetensors of a checkpoint of the U-Net
// for colour images with the default dim_mults. Prints for each convolution the relative errors of
// the result, the gradient of the input and the gradient of the weight, as gm / ATen. The last line
// is the largest ratio of gm's error to ATen's.
#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <fmt/core.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/kernel_set.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weights.h"
#include "comm/run_program.h"
#include "nn/ops/convolution3x3.h"
#include "nn/unet.h"

namespace gm {
namespace {

using at::Tensor;

/// One of the network's convolutions.
struct Call {
  Tensor x, weight, dy;
};

std::vector<Call> calls;

/// Records a convolution in the backward pass, whose arguments include those of the forward pass.
std::unique_ptr<at::ObserverContext> note_convolution(const at::RecordFunction& function) {
  if (function.name() == std::string_view("gm::convolution3x3_backward")) {
    const auto in = function.inputs();  // dy, x, beside, weight
    const Tensor x = in[1].toTensor();
    const Tensor input = in[2].isTensor() ? at::cat({x, in[2].toTensor()}, 1) : x;
    calls.push_back({input, in[3].toTensor(), in[0].toTensor()});
  }
  return nullptr;
}

/// Records the convolutions of a training step on noise, at an early, a middle and a late timestep
/// of 50.
void train_network(const std::string& weights, int64_t dim) {
  Unet network({.dim = dim}, {3, 3}, /*seed=*/0);
  load_weights(network.parameter_list(), load_safetensors(weights), weights);
  network.invalidate_cache();
  const Tensor t = at::tensor({2, 25, 45, 2, 25, 45}, at::kLong);
  const Tensor noise = at::randn({t.size(0), 3, 32, 32});
  const Tensor loss = (network.forward(noise, {.time = t}) - noise).abs().mean();

  const auto handle =
      at::addThreadLocalCallback(at::RecordFunctionCallback(note_convolution).needsInputs(true));
  loss.backward();
  at::removeCallback(handle);
}

using Results = std::array<Tensor, 3>;

/// The result of `convolve` and the gradients of its input and weight.
template <class Convolve>
Results run(const Convolve& convolve, const Call& call, at::ScalarType type) {
  const Tensor x = call.x.detach().to(type).contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor weight = call.weight.detach().to(type);
  const Tensor y = convolve(x.requires_grad_(), weight.requires_grad_(),
                            at::zeros({weight.size(0)}, at::TensorOptions(type)));
  const auto gradients = torch::autograd::grad({y}, {x, weight}, {call.dy.to(type)});
  return {y.detach(), gradients[0], gradients[1]};
}

Tensor own(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return ops::convolution3x3(x, ops::prepare_convolution3x3(weight, x.size(2), x.size(3)), bias);
}

Tensor aten(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return ops::convolution3x3_plain(x, weight, bias);
}

/// The largest ratio of gm's error to ATen's.
double compare(const Call& call) {
  const Results exact = run(aten, call, at::kDouble);
  const Results by_own = run(own, call, at::kFloat), by_aten = run(aten, call, at::kFloat);
  fmt::print("{:>4} -> {:>3} channels at {:>2} pixels:", call.weight.size(1), call.weight.size(0),
             call.x.size(2));
  double largest = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    const auto error = [&](const Results& results) {
      return ((results[i] - exact[i]).norm() / exact[i].norm()).item<double>();
    };
    fmt::print("  {:.1e} / {:.1e}", error(by_own), error(by_aten));
    largest = std::max(largest, error(by_own) / error(by_aten));
  }
  fmt::print("\n");
  return largest;
}

int report() {
  double largest = 0;
  for (const Call& call : calls) largest = std::max(largest, compare(call));
  fmt::print("{} convolutions: at most {:.1f} times ATen's error\n", calls.size(), largest);
  return kExitDone;
}

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::run_program([&](gm::World&) {
    gm::require_wanted_kernel_set();
    if (argc != 3) throw gm::InputError("usage: convolution_error WEIGHTS DIM");
    gm::train_network(argv[1], std::stoll(argv[2]));
    return gm::report();
  });
}
