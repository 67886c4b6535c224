// What the images of a model depend on, by its task.
#include "run/provenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run/make_task.h"
#include "support/config_with.h"

namespace gm {
namespace {

constexpr ImageShape kProvenanceShape{8, 8, 1};

/// Without its task.
Method method_with(std::initializer_list<const char*> overrides) {
  RunConfig config = config_with(overrides);
  config.model.dim = 8;
  config.model.dim_mults = {1};
  const auto task = make_task(config, kProvenanceShape);
  Method method = method_of(*task, config);
  method.task = nullptr;
  return method;
}

using Entry = Provenance::value_type;

TEST(Provenance, OfADiffusionModelHasItsSampler) {
  const Method method = method_with({"diffusion.steps=6", "sampler.kind=ddim", "sampler.eta=0.25"});
  const Provenance expected{{"sampler.kind", "ddim"},
                            {"sampler.steps", 6},
                            {"sampler.eta", 0.25},
                            {"sampler.class", -1},
                            {"sampler.guidance", 1.0}};
  EXPECT_EQ(method.sampling, expected) << "with the number of steps that it takes";
  EXPECT_THAT(method.inpainting, testing::IsSupersetOf(expected));
  EXPECT_THAT(method.inpainting, testing::Contains(Entry{"repaint.jump_length", 10}));
}

TEST(Provenance, OfAnotherModelHasOnlyWhatItReads) {
  const Method conditioned = method_with({"diffusion.condition=inpaint", "sampler.steps=3"});
  EXPECT_THAT(conditioned.inpainting, testing::Contains(Entry{"sampler.steps", 3}));
  EXPECT_THAT(conditioned.inpainting, Not(testing::Contains(Entry{"repaint.jump_length", 10})));
  const Method unet = method_with({"run.task=inpaint"});
  EXPECT_TRUE(unet.sampling.empty());
  EXPECT_TRUE(unet.inpainting.empty());
}

}  // namespace
}  // namespace gm
