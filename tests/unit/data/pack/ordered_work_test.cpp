// Work is done in any order, and its results are taken in order.
#include "data/pack/ordered_work.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace gm {
namespace {

using Work = OrderedWork<int64_t>;

TEST(OrderedWork, ResultsComeInOrderForAnyNumberOfThreads) {
  for (const int jobs : {1, 2, 7}) {
    std::vector<int64_t> picked, taken;
    Work work(500, 5, [&](int64_t i) {
      picked.push_back(i);  // one thread at a time
      return [i] {
        if (i % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return i * i;
      };
    });
    work.run(jobs, [&](int64_t result) { taken.push_back(result); });
    ASSERT_EQ(taken.size(), 500U);
    for (int64_t i = 0; i < 500; ++i) {
      EXPECT_EQ(picked[static_cast<size_t>(i)], i);
      EXPECT_EQ(taken[static_cast<size_t>(i)], i * i);
    }
  }
}

TEST(OrderedWork, NothingRunsFurtherAheadThanTheWindow) {
  std::atomic<int64_t> started{0}, taken{0};
  Work work(300, 4, [&](int64_t i) {
    EXPECT_LT(i, taken + 4 + 1);
    ++started;
    return [i] { return i; };
  });
  work.run(3, [&](int64_t) {
    EXPECT_LE(started - taken, 4 + 1);
    ++taken;
  });
}

TEST(OrderedWork, TheFirstFailureInOrderIsThrown) {
  for (int repeat = 0; repeat < 20; ++repeat) {
    int64_t taken = 0;
    Work work(100, 50, [](int64_t i) {
      return [i]() -> int64_t {
        if (i == 30) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        if (i == 30 || i == 31) throw std::runtime_error(std::to_string(i));
        return i;
      };
    });
    try {
      work.run(2, [&](int64_t) { ++taken; });
      FAIL();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "30");
    }
    EXPECT_EQ(taken, 30);
  }
}

TEST(OrderedWork, AnExceptionInPickOrTakeEndsTheWork) {
  Work bad_pick(10, 4, [](int64_t i) -> Work::Work {
    if (i == 3) throw std::runtime_error("pick");
    return [i] { return i; };
  });
  EXPECT_THROW(bad_pick.run(2, [](int64_t) {}), std::runtime_error);
  Work bad_take(1000, 4, [](int64_t i) { return [i] { return i; }; });
  EXPECT_THROW(bad_take.run(2,
                            [](int64_t i) {
                              if (i == 5) throw std::runtime_error("take");
                            }),
               std::runtime_error);
}

TEST(OrderedWork, EmptyWorkEndsAtOnce) {
  Work(0, 4, [](int64_t i) { return [i] { return i; }; }).run(2, [](int64_t) { FAIL(); });
}

}  // namespace
}  // namespace gm
