// The number of threads of a process, for valid and invalid settings in the environment.
#include "base/thread_count.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// An environment variable. The destructor restores its previous value.
class Variable {
 public:
  explicit Variable(const char* name) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
  }
  ~Variable() { set(before_); }
  void set(const std::optional<std::string>& value) const {
    if (value) {
      ::setenv(name_, value->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class ThreadCountTest : public ::testing::Test {
 protected:
  static constexpr int kShare = 4, kMost = 64;

  ThreadCount with(const std::optional<std::string>& threads,
                   const std::optional<std::string>& limit = std::nullopt) const {
    threads_.set(threads);
    limit_.set(limit);
    return choose_threads(kShare, kMost);
  }

  Variable threads_{"OMP_NUM_THREADS"}, limit_{"OMP_THREAD_LIMIT"};
};

TEST_F(ThreadCountTest, IsTheShareUnlessOmpNumThreadsIsSet) {
  for (const auto& unset : {std::optional<std::string>(), std::optional<std::string>("")}) {
    EXPECT_EQ(with(unset).threads, kShare);
    EXPECT_EQ(with(unset).warning, "");
  }
  for (const auto& [text, threads] : {std::pair("1", 1), {"7", 7}, {" 2 ", 2}, {"64", 64}}) {
    EXPECT_EQ(with(text).threads, threads) << text;
    EXPECT_EQ(with(text).warning, "") << text;
  }
}

TEST_F(ThreadCountTest, OnlyTheFirstNumberOfAListIsUsed) {
  EXPECT_EQ(with("3,2,1").threads, 3);
  EXPECT_EQ(with("3,2,1").warning, "");
}

TEST_F(ThreadCountTest, InvalidNumbersAreIgnoredWithAWarning) {
  for (const char* text : {"0", "-3", "abc", "4x", "1.5", ",2", "0x8"}) {
    EXPECT_EQ(with(text).threads, kShare) << text;
    EXPECT_THAT(with(text).warning,
                AllOf(HasSubstr(text), HasSubstr("not a number of threads; 4")));
  }
}

TEST_F(ThreadCountTest, TooManyThreadsAreLimited) {
  for (const char* text : {"65", "100000", "99999999999999999999"}) {
    EXPECT_EQ(with(text).threads, kMost) << text;
    EXPECT_THAT(with(text).warning, AllOf(HasSubstr(text), HasSubstr("64 are used")));
  }
  EXPECT_EQ(with(std::nullopt).threads, kShare);
  EXPECT_EQ(choose_threads(/*share=*/100, kMost).threads, kMost);
}

TEST_F(ThreadCountTest, OmpThreadLimitIsRespected) {
  EXPECT_EQ(with(std::nullopt, "2").threads, 2);
  EXPECT_EQ(with(std::nullopt, "2").warning, "");
  EXPECT_EQ(with("8", "2").threads, 2);
  EXPECT_THAT(with("8", "2").warning, HasSubstr("OMP_THREAD_LIMIT"));
  EXPECT_EQ(with("8", "1000").threads, 8);
  for (const char* none : {"0", "-1", "many", ""}) EXPECT_EQ(with("8", none).threads, 8) << none;
}

TEST_F(ThreadCountTest, TheMaximumIsAtLeastEight) { EXPECT_GE(most_threads(), 8); }

}  // namespace
}  // namespace gm
