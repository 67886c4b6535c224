#include "comm/watchdog.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <future>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "comm/world.h"

namespace gm {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// A watchdog that reports what is late instead of aborting all ranks.
class WatchdogTest : public testing::Test {
 protected:
  /// Waits for the watchdog for up to a minute, so that the test also passes on a loaded machine.
  std::string reason() {
    if (late_.wait_for(std::chrono::minutes(1)) != std::future_status::ready) return "nothing";
    return late_.get();
  }
  bool nothing_is_late() {
    return late_.wait_for(std::chrono::seconds(0)) == std::future_status::timeout;
  }

  World world_;
  std::promise<std::string> promise_;
  std::future<std::string> late_ = promise_.get_future();
  Watchdog watchdog_{world_, [this](const std::string& reason) { promise_.set_value(reason); }};
};

TEST_F(WatchdogTest, NamesTheLateSectionAndItsLimit) {
  const auto section = watchdog_.section("reduction", 0.05);
  const std::string late = reason();
  EXPECT_THAT(late, StartsWith("late in reduction for"));
  EXPECT_THAT(late, HasSubstr("(limit 0.05 s)"));
}

TEST_F(WatchdogTest, InnerSectionCanBeLateBeforeTheOuterOne) {
  const auto outer = watchdog_.section("step", 1000);
  const auto inner = watchdog_.section("data", 0.05);
  EXPECT_THAT(reason(), HasSubstr("late in data"));
}

TEST_F(WatchdogTest, OuterSectionCanBeLateWhileInnerOnesEndInTime) {
  const auto outer = watchdog_.section("step", 0.2);
  while (nothing_is_late()) const auto inner = watchdog_.section("data", 1000);
  EXPECT_THAT(reason(), HasSubstr("late in step"));
}

TEST_F(WatchdogTest, LaterSectionWithAShorterLimitIsReported) {
  const auto first = watchdog_.section("sampling", 1000);
  const auto second = watchdog_.section("checkpoint", 0.05);
  EXPECT_THAT(reason(), HasSubstr("late in checkpoint"));
}

TEST_F(WatchdogTest, EndedAndMovedSectionsAreNotReported) {
  { const auto ended = watchdog_.section("ended", 0.05); }
  std::optional<Watchdog::Section> holder(watchdog_.section("moved", 0.05));
  holder.reset();
  const auto last = watchdog_.section("last", 0.3);
  EXPECT_THAT(reason(), HasSubstr("late in last"));
}

TEST_F(WatchdogTest, LimitZeroIsNoLimit) {
  const auto free = watchdog_.section("free", 0);
  const auto limited = watchdog_.section("limited", 0.05);
  EXPECT_THAT(reason(), HasSubstr("late in limited"));
}

TEST_F(WatchdogTest, CallsTheLateSectionBeforeTheWorldEnds) {
  std::atomic<bool> called = false;
  const auto other = watchdog_.section("other", 1000, [] { FAIL() << "it is not late"; });
  const auto late = watchdog_.section("late", 0.05, [&] { called = true; });
  EXPECT_THAT(reason(), HasSubstr("late in late"));
  EXPECT_TRUE(called);
}

TEST_F(WatchdogTest, EndsTheWorldAlsoIfThatCallBlocks) {
  std::promise<void> end;
  const auto late = watchdog_.section("late", 0.05, [&] { end.get_future().wait(); });
  EXPECT_THAT(reason(), HasSubstr("late in late"));
  end.set_value();
}

TEST_F(WatchdogTest, EndsTheWorldAlsoIfThatCallFails) {
  const auto late = watchdog_.section("late", 0.05, [] { throw std::runtime_error("no disk"); });
  EXPECT_THAT(reason(), HasSubstr("late in late"));
}

TEST_F(WatchdogTest, ASectionKnowsItsTime) {
  const auto outer = watchdog_.section("outer", 0);
  const auto inner = watchdog_.section("inner", 0.05);
  reason();
  EXPECT_GE(outer.seconds(), 0.05);
  EXPECT_LE(inner.seconds(), outer.seconds() + 0.4) << "a clock that is read late";
}

TEST_F(WatchdogTest, TheMarginIsThatOfTheSectionThatIsLateFirst) {
  EXPECT_EQ(watchdog_.margin_seconds(), std::numeric_limits<double>::infinity());
  const auto free = watchdog_.section("free", 0);
  EXPECT_EQ(watchdog_.margin_seconds(), std::numeric_limits<double>::infinity());
  const auto outer = watchdog_.section("outer", 1000);
  {
    const auto inner = watchdog_.section("inner", 500);
    EXPECT_LE(watchdog_.margin_seconds(), 500);
    EXPECT_GT(watchdog_.margin_seconds(), 400);
  }
  EXPECT_GT(watchdog_.margin_seconds(), 900);
}

TEST_F(WatchdogTest, StopsAtOnceWhenNothingIsLate) {
  const auto section = watchdog_.section("long", 1000);
  EXPECT_TRUE(nothing_is_late());
}

}  // namespace
}  // namespace gm
