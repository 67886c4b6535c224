#include "config/key_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <array>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::array kShort{KeyOption{"--steps", "sampler.steps"},
                            KeyOption{"--sampler", "sampler.kind"}};

TEST(KeyOptions, BecomeAssignmentsOfTheirKeys) {
  CLI::App app;
  std::vector<std::string> assignments;
  declare_key_options(app, kShort, assignments);
  app.parse("--sampler dpm++ --steps 10");
  EXPECT_THAT(assignments, ElementsAre("sampler.steps=10", "sampler.kind=dpm++"));
  EXPECT_THAT(app.help(), AllOf(HasSubstr("(sampler.steps)"), HasSubstr("dpm++")));
  EXPECT_THROW(app.parse("--sampler euler"), CLI::ValidationError);
}

TEST(KeyOptions, AreJoinedWithAssignmentsOfOtherKeysOnly) {
  EXPECT_THAT(join_assignments(kShort, {"sampler.steps=10"}, {"sampler.eta=1"}),
              ElementsAre("sampler.steps=10", "sampler.eta=1"));
  expect_error<InputError>(
      [] { join_assignments(kShort, {"sampler.steps=10"}, {"sampler.steps=20"}); },
      AllOf(HasSubstr("--steps"), HasSubstr("sampler.steps"), HasSubstr("only one")));
}

}  // namespace
}  // namespace gm
