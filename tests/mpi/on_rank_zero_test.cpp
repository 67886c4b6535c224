// Every rank gets the result or the failure of rank 0.
#include "comm/on_rank_zero.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "comm/stop.h"
#include "support/expect_error.h"
#include "support/test_world.h"

namespace gm {
namespace {

using testing::HasSubstr;

class OnRankZero : public testing::Test {
 protected:
  Communicator& ranks() { return test_world().communicator(); }
  bool is_rank_zero() { return test_world().rank() == 0; }
};

TEST_F(OnRankZero, RunsOnlyOnRankZero) {
  int calls = 0;
  on_rank_zero(ranks(), [&] { ++calls; });
  EXPECT_EQ(calls, is_rank_zero() ? 1 : 0);
}

TEST_F(OnRankZero, ReturnsTheTextOfRankZeroOnEveryRank) {
  const std::string text =
      text_from_rank_zero(ranks(), [&] { return "rank " + std::to_string(test_world().rank()); });
  EXPECT_EQ(text, "rank 0");
}

TEST_F(OnRankZero, ThrowsAFailureOfRankZeroOnEveryRankWithItsType) {
  expect_error<InputError>([&] { on_rank_zero(ranks(), [] { throw InputError("bad file"); }); },
                           HasSubstr("bad file"));
  expect_error<StopRequested>(
      [&] { on_rank_zero(ranks(), [] { throw StopRequested("stopped by SIGTERM"); }); },
      HasSubstr("SIGTERM"));
  expect_error<Error>(
      [&] {
        text_from_rank_zero(ranks(),
                            []() -> std::string { throw std::runtime_error("no memory"); });
      },
      HasSubstr("no memory"));
}

TEST_F(OnRankZero, WorksAgainAfterAFailure) {
  EXPECT_ANY_THROW(on_rank_zero(ranks(), [] { throw Error("once"); }));
  EXPECT_EQ(text_from_rank_zero(ranks(), [] { return "twice"; }), "twice");
}

}  // namespace
}  // namespace gm
