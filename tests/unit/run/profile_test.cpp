// The profile: the own time of each operator over some steps, as a table and as a trace.
#include "run/profile.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

double flops_of_product(std::string_view name, const std::vector<std::vector<int64_t>>& shapes) {
  return name == "aten::mm" ? 2.0 * shapes[0][0] * shapes[0][1] * shapes[1][1] : 0;
}

class ProfileTest : public ::testing::Test {
 protected:
  /// The messages during three steps, of which `steps` are timed.
  std::string said_in_three_steps(int64_t steps) {
    ::testing::internal::CaptureStderr();
    {
      Profile profile(steps, trace_, flops_of_product);
      const at::Tensor a = at::ones({300, 300});
      for (int64_t step = 1; step <= 3; ++step) {
        at::matmul(a, a);  // calls mm
        if (step == 1) at::sin(a);
        profile.step({.step = step, .part_seconds = {{"data", 5e-5}}});
      }
    }
    return ::testing::internal::GetCapturedStderr();
  }

  TemporaryFolder folder_;
  std::filesystem::path trace_ = folder_ / "profile.json";
};

TEST_F(ProfileTest, TimesAllButTheFirstStep) {
  const std::string table = said_in_three_steps(2);
  EXPECT_THAT(table, AllOf(HasSubstr("profile of 2 steps on rank 0"), HasSubstr(trace_.string())));
  EXPECT_THAT(table, ContainsRegex("data +0\\.05 +[0-9.]+ %"));
  EXPECT_THAT(table, ContainsRegex("aten::mm +1\\.0 +[0-9.]+ +[0-9.]+ % +[0-9.]+\n"));
  EXPECT_THAT(table, Not(HasSubstr("aten::sin"))) << "the first step has one-time costs";
}

TEST_F(ProfileTest, WritesATraceOfEveryCall) {
  said_in_three_steps(2);
  const auto trace = nlohmann::json::parse(read_file(trace_, 1 << 24));
  int64_t products = 0;
  for (const auto& event : trace.at("traceEvents")) {
    if (event.value("name", "") == "aten::mm") {
      EXPECT_EQ(event.at("ph"), "X");
      ++products;
    }
  }
  EXPECT_EQ(products, 2);
}

TEST_F(ProfileTest, ARunThatEndsTooEarlyIsReported) {
  EXPECT_THAT(said_in_three_steps(5), HasSubstr("no profile: the run ended when 2 of 5 steps"));
  EXPECT_FALSE(std::filesystem::exists(trace_));
  EXPECT_THAT(said_in_three_steps(1), HasSubstr("profile of 1 steps")) << "another can start";
}

TEST_F(ProfileTest, ATraceThatCannotBeWrittenIsAWarning) {
  trace_ = folder_ / "none" / "profile.json";
  EXPECT_THAT(said_in_three_steps(1),
              AllOf(HasSubstr("aten::mm"), HasSubstr("no trace of the profile")));
}

}  // namespace
}  // namespace gm
