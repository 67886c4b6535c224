#include "tasks/gan_loss.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <vector>

#include "base/counter_rng.h"
#include "nn/discriminator.h"

namespace gm {

at::Tensor AdversarialLoss::generator_loss(const at::Tensor& fake) const {
  switch (kind_) {
    case GanLoss::kHinge:
      return -fake.mean();
    case GanLoss::kLeastSquares:
      return 0.5 * (fake - 1).square().mean();
    default:
      return -at::log_sigmoid(fake).mean();
  }
}

at::Tensor AdversarialLoss::real_loss(const at::Tensor& real) const {
  switch (kind_) {
    case GanLoss::kHinge:
      return (1 - real).relu().mean();
    case GanLoss::kLeastSquares:
      return 0.5 * (real - 1).square().mean();
    default:
      return -at::log_sigmoid(real).mean();
  }
}

at::Tensor AdversarialLoss::fake_loss(const at::Tensor& fake) const {
  switch (kind_) {
    case GanLoss::kHinge:
      return (1 + fake).relu().mean();
    case GanLoss::kLeastSquares:
      return 0.5 * fake.square().mean();
    default:
      return -at::log_sigmoid(-fake).mean();  // 1 - sigmoid(z) = sigmoid(-z)
  }
}

double AdversarialLoss::chance_loss() const {
  switch (kind_) {
    case GanLoss::kHinge:
      return 2;
    case GanLoss::kLeastSquares:
      return 0.25;
    default:
      return 2 * std::log(2.0);
  }
}

at::Tensor AdversarialLoss::probability(const at::Tensor& logits) const {
  const at::Tensor values = logits.detach();
  return (kind_ == GanLoss::kLeastSquares ? values.clamp(0, 1) : values.sigmoid()).mean();
}

at::Tensor r1_penalty(Discriminator& discriminator, const at::Tensor& x) {
  const at::Tensor input = x.detach().requires_grad_();
  const at::Tensor logits = discriminator.forward_plain(input).logits;
  const auto gradients =
      torch::autograd::grad({logits.mean({1, 2, 3}).sum()}, {input}, /*grad_outputs=*/{},
                            /*retain_graph=*/true, /*create_graph=*/true);
  return 0.5 * gradients.front().square().sum();
}

at::Tensor chosen_for_r1(const at::Tensor& positions, int64_t every, uint64_t seed) {
  const auto position_of = positions.accessor<int64_t, 1>();
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < positions.numel(); ++i) {
    const auto position = static_cast<uint64_t>(position_of[i]);
    CounterRng random(seed, Stream::kRegularization, position);
    if (random.below(static_cast<uint32_t>(every)) == 0) chosen.push_back(i);
  }
  return at::tensor(chosen, at::kLong);
}

at::Tensor feature_distance(const DiscriminatorOutput& fake, const DiscriminatorOutput& real) {
  at::Tensor sum = at::zeros({}, fake.logits.options());
  for (size_t i = 0; i < fake.activations.size(); ++i) {
    sum = sum + (fake.activations[i] - real.activations[i]).abs().mean();
  }
  return sum / static_cast<double>(fake.activations.size());
}

}  // namespace gm
