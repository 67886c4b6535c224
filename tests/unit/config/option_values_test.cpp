// Which values the options of a command line accept, and how they are converted.
#include "config/option_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gm {
namespace {

using ::testing::HasSubstr;

/// The text after validation; nullopt if the validator refuses it.
std::optional<std::string> taken(const CLI::Validator& validator, std::string text) {
  return validator(text).empty() ? std::optional(text) : std::nullopt;
}

TEST(WholeNumber, AcceptsDigitsInItsRange) {
  EXPECT_EQ(taken(whole_number(1, 8), "8"), "8");
  EXPECT_EQ(taken(whole_number(0, UINT64_MAX), "18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(taken(whole_number(1, 8), "007"), "7");
  for (const char* text : {"0", "9", "-1", "+5", "", " 5", "5 ", "5.0", "1e0", "0x5", "1_0", "five",
                           "18446744073709551617", "99999999999999999999999"}) {
    EXPECT_FALSE(taken(whole_number(1, 8), text)) << text;
  }
  EXPECT_FALSE(taken(whole_number(0, UINT64_MAX), "18446744073709551616"));
  std::string text = "0x5";
  EXPECT_THAT(whole_number(1, 8)(text), HasSubstr("\"0x5\": expected an integer from 1 to 8"));
}

TEST(AStep, IsAWholeNumberOrTheBest) {
  EXPECT_EQ(taken(a_step(), "best"), "best");
  EXPECT_EQ(taken(a_step(), "0040"), "40");
  for (const char* text : {"", "-1", "BEST", "latest", "best ", "1.5"}) {
    EXPECT_FALSE(taken(a_step(), text)) << text;
  }
  std::string text = "first";
  EXPECT_THAT(a_step()(text), HasSubstr("\"first\": expected an integer from 0 to"));
  EXPECT_THAT(a_step()(text), HasSubstr("or best"));
}

TEST(Number, AcceptsFiniteDecimalsInItsRange) {
  for (const char* text : {"0", "0.9", "1e-3", "0.25"}) {
    EXPECT_EQ(taken(number(0, 0.9), text), text);
  }
  for (const char* text : {"nan", "inf", "-inf", "1", "-0.1", "", "0,5", "0.5 ", "+0.5", "0x1p-1",
                           "1e-400", "1e400", "half"}) {
    EXPECT_FALSE(taken(number(0, 0.9), text)) << text;
  }
}

TEST(APath, IsNotEmptyAndExpandsTilde) {
  EXPECT_EQ(taken(a_path(), "a/~b"), "a/~b");
  EXPECT_EQ(taken(a_path(), "~/x"), std::string(std::getenv("HOME")) + "/x");
  EXPECT_FALSE(taken(a_path(), ""));
  EXPECT_FALSE(taken(a_path(), "~bob/x"));
}

}  // namespace
}  // namespace gm
