// The table of networks: which images they take, and what a new network needs.
#include "nn/denoiser.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "tasks/ddpm.h"

namespace gm {
namespace {

TEST(CheckImageSize, NamesSizesThatWork) {
  EXPECT_NO_THROW(check_image_size({}, 32, 64));
  expect_error<InputError>([] { check_image_size({}, 28, 28); },
                           testing::HasSubstr("24 or 32"));  // cannot be halved three times
  EXPECT_THROW(check_image_size({}, 32, 30), InputError);
  EXPECT_THROW(check_image_size({}, 4, 4), InputError);
}

TEST(MakeDenoiser, RefusesAnUnknownKind) {
  expect_error<InputError>(
      [] {
        make_denoiser({.kind = "vgg"}, {1, 1}, 1);
      },
      testing::HasSubstr("model.kind is vgg"));
}

/// One weight for each channel, whatever the time.
class ScalingNetwork : public Denoiser {
 public:
  ScalingNetwork(int64_t channels, at::Device device)
      : scale_(register_parameter("scale",
                                  at::full({channels, 1, 1}, 0.5, at::TensorOptions(device)))) {}
  at::Tensor forward(const at::Tensor& x, const Condition&) override { return scale_ * x; }

 private:
  at::Tensor scale_;
};

class ToyDenoiser : public testing::Test {
 protected:
  void SetUp() override {
    denoiser_kinds().push_back({.name = "scaling",
                                .check_image_size =
                                    [](const ModelConfig&, int64_t height, int64_t) {
                                      if (height > 8) throw InputError("too high");
                                    },
                                .make = [](const ModelConfig&, const DenoiserShape& shape, uint64_t,
                                           at::Device device) -> std::unique_ptr<Denoiser> {
                                  return std::make_unique<ScalingNetwork>(shape.out_channels,
                                                                          device);
                                }});
  }
  void TearDown() override { denoiser_kinds().pop_back(); }

  const DdpmTask::Options options_{.model = {.kind = "scaling"}, .diffusion = {.steps = 3}};
};

TEST_F(ToyDenoiser, OneEntryInTheTableMakesItTrainAndSample) {
  DdpmTask task(options_, {}, {.height = 8, .width = 8, .channels = 1}, /*seed=*/1);
  const PreparedBatch batch =
      task.prepare({.images = at::zeros({2, 1, 8, 8}), .positions = at::arange(2)});
  task.phases().front().loss(batch).total.backward();
  EXPECT_NE(task.sampled_network().parameters()[0].grad().item<float>(), 0);
  EXPECT_EQ(task.sample({0, at::arange(2)}, {}).sizes(), (at::IntArrayRef{2, 1, 8, 8}));
}

TEST_F(ToyDenoiser, ItsOwnLimitsAreChecked) {
  expect_error<InputError>(
      [&] { DdpmTask(options_, {}, {.height = 16, .width = 8, .channels = 1}, 1); },
      testing::HasSubstr("too high"));
}

}  // namespace
}  // namespace gm
