// Compares the GAN with a plain PyTorch script that has the same networks and losses
// (gan_answers.py): every loss term and every gradient, over several steps of Adam.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "answers.h"
#include "base/enum_names.h"
#include "checkpoint/safetensors.h"
#include "counter_values.h"
#include "summaries.h"
#include "tasks/gan_inpaint.h"
#include "train/adam.h"
#include "train/flat_parameters.h"

namespace gm::parity {
namespace {

constexpr int64_t kGanSize = 16;
constexpr int64_t kGanImages = 4;
constexpr int64_t kMicroBatches = 2;
constexpr int64_t kGanSteps = 3;
constexpr double kTolerance = 1e-4;

const OptimizerConfig kOptimizer = {.learning_rate = 1e-3, .epsilon = 1e-3};

/// As in gan_answers.py.
struct GanCase {
  std::string name;
  std::string loss;
  bool patch;
  bool full;  ///< With all optional loss terms and spectral norms, or without them.
};

std::ostream& operator<<(std::ostream& out, const GanCase& one) { return out << one.name; }

std::vector<GanCase> cases() {
  std::vector<GanCase> all{{"hinge_patch_full", "hinge", true, true}};
  for (const std::string loss : {"minimax", "non_saturating", "hinge", "least_squares"}) {
    all.push_back({loss, loss, true, false});
    all.push_back({loss + "_full", loss, false, true});
  }
  return all;
}

GanConfig config_of(const GanCase& one) {
  GanConfig config{.loss = *value_named<GanLoss>(one.loss),
                   .lambda = 0.7,
                   .dim = 16,
                   .patch = one.patch,
                   .spectral_norm = one.full};
  config.discriminator_lr_scale = 2.0;
  if (one.full)
    config.l1 = 0.3, config.feature_matching = 1.5, config.r1 = 2.0, config.r1_every = 2;
  return config;
}

Batch batch(int64_t number) {
  return {.images = counter_uniform(0, kInputs, static_cast<uint64_t>(2 * number),
                                    {kGanImages, 1, kGanSize, kGanSize})
                        .contiguous(at::MemoryFormat::ChannelsLast),
          .positions = at::arange(number * kGanImages, (number + 1) * kGanImages, at::kLong)};
}

at::Tensor masks(const at::Tensor& positions) {
  const int64_t number = positions[0].item<int64_t>() / kGanImages;
  return counter_uniform(0, kInputs, static_cast<uint64_t>(2 * number + 1),
                         {kGanImages, 1, kGanSize, kGanSize})
      .gt(static_cast<float>(0.2))
      .to(at::kFloat);
}

void set_buffers(const Network& network) {
  uint64_t index = 100;
  for (const auto& [name, buffer] : network.buffer_list()) {
    buffer.copy_(counter_uniform(0, kInputs, index++, buffer.sizes()));
  }
}

/// A minimal trainer for one phase.
struct Player {
  explicit Player(const Phase& its_phase) : phase(its_phase) {
    set_weights(*phase.network);
    set_buffers(*phase.network);
    flat = std::make_unique<FlatParameters>(phase.network->parameter_list());
  }

  void compute(const std::vector<PreparedBatch>& batches, std::map<std::string, double>& terms) {
    flat->zero_gradients();
    for (const PreparedBatch& one : batches) {
      const Losses losses = phase.loss(one);
      losses.total.backward();
      for (const auto& [name, term] : losses.terms) {
        terms[name] += term.item<double>() / static_cast<double>(kMicroBatches);
      }
    }
  }

  /// [parameters, 3]: summary() of the gradient's mean over the micro-batches.
  at::Tensor gradient_summaries() const {
    std::vector<at::Tensor> rows;
    for (const auto& [name, gradient] : flat->named_views(flat->gradients())) {
      rows.push_back(summary(rows.size(), gradient / kMicroBatches));
    }
    return at::stack(rows);
  }

  void update(int64_t count) {
    adam_update(*flat, kOptimizer,
                {.learning_rate = phase.learning_rate_factor * kOptimizer.learning_rate,
                 .count = count,
                 .gradient_divisor = static_cast<double>(kMicroBatches)});
    phase.network->invalidate_cache();
  }

  Phase phase;
  std::unique_ptr<FlatParameters> flat;
};

void expect_gradients(const Player& player, const at::Tensor& expected) {
  const at::Tensor summaries = player.gradient_summaries();
  ASSERT_EQ(summaries.sizes(), expected.sizes());
  const double rounding = 1e-7 * expected.select(1, 0).norm().item<double>();
  for (int64_t i = 0; i < expected.size(0); ++i) {
    EXPECT_LT(largest(summaries[i] - expected[i]),
              kTolerance * expected[i][0].item<double>() + rounding)
        << player.phase.name << ": " << player.phase.network->parameter_list()[i].first;
  }
}

class GanParity : public testing::TestWithParam<GanCase> {};

TEST_P(GanParity, LossTermsAndGradientsAgreeOverSeveralSteps) {
  const GanCase& one = GetParam();
  const TensorMap answers = load_safetensors(answer("gan.safetensors"));
  GanInpaintTask task({.model = {.dim = 16, .dim_mults = {1, 2}}, .gan = config_of(one)}, masks,
                      {.height = kGanSize, .width = kGanSize, .channels = 1}, /*seed=*/1);
  std::vector<Player> players;
  for (const Phase& phase : task.phases()) players.emplace_back(phase);

  for (int64_t step = 0; step < kGanSteps; ++step) {
    const std::string key = fmt::format("{}.{}.", one.name, step);
    const std::vector<PreparedBatch> batches = {task.prepare(batch(step * kMicroBatches)),
                                                task.prepare(batch(step * kMicroBatches + 1))};
    std::map<std::string, double> terms;
    for (Player& player : players) {
      player.compute(batches, terms);
      expect_gradients(player, answers.at(key + player.phase.name));
      player.update(step + 1);
    }
    std::erase_if(terms, [](const auto& term) { return term.first.starts_with("diversity"); });
    ASSERT_EQ(terms.size(), one.full ? 9U : 6U);
    for (const auto& [name, value] : terms) {
      const double expected = answers.at(key + name).item<double>();
      EXPECT_NEAR(value, expected, kTolerance * std::abs(expected)) << key << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GanParity, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace gm::parity
