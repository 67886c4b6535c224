#include "comm/consistency.h"

#include <gmock/gmock.h>

#include <string>

#include "base/error.h"
#include "comm/communicator.h"
#include "support/test_world.h"

namespace gm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

class ConsistencyTest : public testing::Test {
 protected:
  Communicator& ranks() { return test_world().communicator(); }
  int last() { return test_world().size() - 1; }
  bool is_last() { return test_world().rank() == last(); }
};

TEST_F(ConsistencyTest, EqualValuesPass) {
  require_same_program(ranks());
  require_same_everywhere(ranks(), "the configuration", "");
  require_equal_parameters(ranks(), 10, "abc");
}

TEST_F(ConsistencyTest, NamesTheValueOfEachRank) {
  if (last() == 0) return require_same_everywhere(ranks(), "the dataset", "alone");
  const std::string others = last() == 1 ? "rank 0: many" : "ranks 0-" + std::to_string(last() - 1);
  EXPECT_THAT(
      [&] { require_same_everywhere(ranks(), "the dataset", is_last() ? "odd" : "many"); },
      ThrowsMessage<InputError>(AllOf(HasSubstr("the dataset differs"), HasSubstr(others),
                                      HasSubstr("rank " + std::to_string(last()) + ": odd"))));
}

TEST_F(ConsistencyTest, ShowsTheFirstLineThatDiffers) {
  if (last() == 0) return;
  const std::string text = is_last() ? "a = 1\nseed = 2\nz = 3" : "a = 1\nseed = 1\nz = 4";
  EXPECT_THAT([&] { require_same_everywhere(ranks(), "the configuration", text); },
              ThrowsMessage<InputError>(AllOf(HasSubstr("seed = 1"), HasSubstr("seed = 2"),
                                              Not(HasSubstr("a = 1")), Not(HasSubstr("z =")))));
}

TEST_F(ConsistencyTest, NamesTheRanksWithAProblem) {
  require_no_problem(ranks(), "the disk", "", "buy another");
  EXPECT_THAT(
      [&] { require_no_problem(ranks(), "the disk", is_last() ? "full" : "", "buy another"); },
      ThrowsMessage<InputError>("the disk (rank " + std::to_string(last()) +
                                ": full); buy another"));
}

TEST_F(ConsistencyTest, NamesTheStepAtWhichParametersDiffer) {
  if (last() == 0) return;
  EXPECT_THAT([&] { require_equal_parameters(ranks(), 400, is_last() ? "b" : "a"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("step 400"),
                                         HasSubstr("rank " + std::to_string(last()) + ": b"))));
}

TEST(BuildIdTest, IsTheSameEachTimeAndNotEmpty) {
  EXPECT_EQ(program_build_id(), program_build_id());
  EXPECT_GT(program_build_id().size(), 32u);
}

}  // namespace
}  // namespace gm
