// Which values a key accepts, and the error messages for the others.
#include "config/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "base/error.h"
#include "config/toml.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

enum class Colour { kRed, kBlue };
constexpr auto names_of(Colour) {
  using enum Colour;
  return std::to_array<std::pair<Colour, const char*>>({{kRed, "red"}, {kBlue, "blue"}});
}

/// A section with a field of each type.
struct Everything {
  bool flag = false;
  int port = 80;
  int64_t steps = 10;
  double rate = 0.5;
  double factor = 1;
  std::string path = "here";
  std::string folder = "there";
  std::string fit = "crop";
  std::vector<int64_t> widths = {1, 2};
  Colour colour = Colour::kRed;

  template <class Fields>
  void describe(Fields& field) {
    field("flag", flag).help("A switch.");
    field("port", port).range(0, 65535).help("A port.");
    field("steps", steps).range(1, INT64_MAX).help("Steps.");
    field("rate", rate).range(1e-16, 0.999).help("A rate.");
    field("factor", factor).help("Any number.");
    field("path", path).help("A path.");
    field("folder", folder).path().not_empty().help("A path that is needed.");
    field("fit", fit).one_of({"crop", "pad", "squash"}).help("How it fits.");
    field("widths", widths).range(1, 64).help("Widths.");
    field("colour", colour).help("A colour.");
  }
};

struct Config {
  Everything all;
  Everything other;

  template <class Sections>
  void describe(Sections& to) {
    to.section("all", all);
    to.section("other", other);
  }
};

class SchemaTest : public ::testing::Test {
 protected:
  void set(const std::string& argument) { schema_.set(parse_override(argument)); }
  void set_in_file(const std::string& text) {
    for (const auto& assignment : parse_toml(text, "a.toml")) schema_.set(assignment);
  }
  template <class Matcher>
  void expect_refused(const std::string& argument, const Matcher& message) {
    expect_error<InputError>([&] { set(argument); }, message);
  }

  Config config_;
  Schema schema_{config_};
};

TEST_F(SchemaTest, AcceptsEveryTypeOfValue) {
  set_in_file(
      "[all]\nflag = true\nport = 0\nsteps = 9223372036854775807\nrate = 0.25\nfactor = -2\n"
      "path = 'a \"b\"'\nfit = \"pad\"\nwidths = [3, 64]\n");
  EXPECT_TRUE(config_.all.flag);
  EXPECT_EQ(config_.all.port, 0);
  EXPECT_EQ(config_.all.steps, INT64_MAX);
  EXPECT_EQ(config_.all.rate, 0.25);
  EXPECT_EQ(config_.all.factor, -2.0);
  EXPECT_EQ(config_.all.path, "a \"b\"");
  EXPECT_EQ(config_.all.fit, "pad");
  EXPECT_THAT(config_.all.widths, ElementsAre(3, 64));
  EXPECT_EQ(config_.other.port, 80);
}

TEST_F(SchemaTest, OverridesAreTomlAndBareWordsAreText) {
  set("all.flag=true");
  set("all.steps=1e6");
  set("all.rate=1e-3");
  set("all.path=./runs/cats and dogs");
  set("all.fit=squash");
  set("all.widths=[1, 2, 4]");
  EXPECT_TRUE(config_.all.flag);
  EXPECT_EQ(config_.all.steps, 1'000'000);
  EXPECT_EQ(config_.all.rate, 1e-3);
  EXPECT_EQ(config_.all.path, "./runs/cats and dogs");
  EXPECT_EQ(config_.all.fit, "squash");
  EXPECT_THAT(config_.all.widths, ElementsAre(1, 2, 4));
}

TEST_F(SchemaTest, TextIsTakenLiterally) {
  for (const char* text :
       {"2024", "2024-01-01", "true", "1e3", "[1]", "a=b", "x\ny = 1", "C:\\a"}) {
    set(std::string("all.path=") + text);
    EXPECT_EQ(config_.all.path, text);
  }
  set("all.path=\"in quotes\"");
  EXPECT_EQ(config_.all.path, "in quotes");
  set("all.path=\"\"");
  EXPECT_EQ(config_.all.path, "");
}

TEST_F(SchemaTest, TildeInAPathIsExpanded) {
  const std::string home = std::getenv("HOME");
  set("all.folder=~/runs/x");
  EXPECT_EQ(config_.all.folder, home + "/runs/x");
  set_in_file("[all]\nfolder = \"~\"\npath = \"~/x\"\n");
  EXPECT_EQ(config_.all.folder, home);
  EXPECT_EQ(config_.all.path, "~/x") << "this key is a text, not a path";
  expect_refused("all.folder=~bob/x",
                 HasSubstr("all.folder = \"~bob/x\": expected a path, in which "
                           "~/ is your home folder"));
}

TEST_F(SchemaTest, ARequiredTextMayNotBeEmpty) {
  expect_refused("all.folder=\"\"", HasSubstr("all.folder = \"\": expected a path"));
  expect_error<InputError>([&] { set_in_file("[all]\nfolder = ''\n"); },
                           HasSubstr("a.toml:2:1: all.folder"));
}

TEST_F(SchemaTest, NumbersAreReadExactlyOrRefused) {
  set("all.steps=9007199254740993");
  EXPECT_EQ(config_.all.steps, 9007199254740993);
  set("all.steps=+5");
  EXPECT_EQ(config_.all.steps, 5);
  for (const char* number : {"9007199254740993.0", "18446744073709551616", "-1", "1e400", "0x",
                             "05", "1,000", "5 000", "-9223372036854775809"}) {
    expect_refused(std::string("all.steps=") + number, HasSubstr("all.steps"));
  }
  expect_refused("all.rate=1e400", HasSubstr("all.rate"));
  for (const char* number : {"18446744073709551616", "-1", "1e400", "nan", "inf"}) {
    EXPECT_THROW(set_in_file(std::string("[all]\nsteps = ") + number + "\n"), InputError) << number;
  }
}

TEST_F(SchemaTest, AFileNeedsQuotesAroundText) {
  expect_error<InputError>([&] { set_in_file("[all]\npath = 2024\n"); },
                           HasSubstr("a.toml:2:1: all.path = 2024: expected text"));
}

TEST_F(SchemaTest, AValueOutOfRangeNamesPlaceKeyValueAndRange) {
  expect_error<InputError>([&] { set_in_file("[all]\n\nport = 70000\n"); },
                           "a.toml:3:1: all.port = 70000: expected an integer from 0 to 65535");
  expect_refused("all.steps=0",
                 "command line: all.steps = 0: expected an integer from 1 to 9223372036854775807");
  expect_refused("all.rate=1", HasSubstr("a number from 1e-16 to 0.999"));
  expect_refused("all.widths=[1, 65]", HasSubstr("all.widths = [1, 65]: expected a list of "
                                                 "integers from 1 to 64"));
  EXPECT_EQ(config_.all.port, 80);
  EXPECT_THAT(config_.all.widths, ElementsAre(1, 2));
}

TEST_F(SchemaTest, TheBoundsThemselvesAreAllowed) {
  set("all.port=65535");
  set("all.rate=0.999");
  set("all.widths=[64]");
  EXPECT_EQ(config_.all.port, 65535);
}

TEST_F(SchemaTest, AWrongTypeIsRefused) {
  expect_refused("all.flag=1", HasSubstr("all.flag = 1: expected true or false"));
  expect_refused("all.flag=yes", HasSubstr("all.flag = \"yes\": expected true or false"));
  expect_refused("all.steps=1.5", HasSubstr("expected an integer"));
  expect_refused("all.steps=many", HasSubstr("expected an integer"));
  expect_refused("all.steps=1e300", HasSubstr("expected an integer"));
  expect_refused("all.steps=", HasSubstr("all.steps= has no value"));
  expect_refused("all.port=99999999999", HasSubstr("expected an integer"));
  expect_refused("all.rate=fast", HasSubstr("expected a number"));
  expect_refused("all.rate=true", HasSubstr("expected a number"));
  expect_refused("all.widths=3", HasSubstr("expected a list of integers"));
  expect_refused("all.widths=[]", HasSubstr("expected a list of integers"));
  expect_refused("all.widths=[1, \"2\"]", HasSubstr("expected a list of integers"));
}

TEST_F(SchemaTest, OnlyFiniteNumbersAreAccepted) {
  for (const char* number : {"nan", "inf", "-inf"}) {
    expect_refused(std::string("all.factor=") + number, HasSubstr("expected a number"));
  }
}

TEST_F(SchemaTest, AnUnknownChoiceNamesTheChoices) {
  expect_refused("all.fit=stretch",
                 "command line: all.fit = \"stretch\": expected crop, pad or squash");
}

TEST_F(SchemaTest, AnEnumerationIsReadAndWrittenByItsNames) {
  const Key& colour = schema_.keys()[9];
  EXPECT_THAT(colour.choices(), ElementsAre("red", "blue"));
  set("all.colour=blue");
  EXPECT_EQ(config_.all.colour, Colour::kBlue);
  EXPECT_EQ(to_text(colour.value()), "\"blue\"");
  set_in_file("[other]\ncolour = \"blue\"\n");
  EXPECT_EQ(config_.other.colour, Colour::kBlue);
  for (const char* wrong : {"green", "Red", "1", "\"\""})
    expect_refused(std::string("all.colour=") + wrong, HasSubstr("expected red or blue"));
  expect_error<InputError>([&] { set_in_file("[all]\ncolour = 1\n"); },
                           "a.toml:2:1: all.colour = 1: expected red or blue");
  EXPECT_EQ(config_.all.colour, Colour::kBlue);
}

TEST_F(SchemaTest, AnUnknownKeySuggestsTheNearest) {
  expect_refused("all.stesp=1", HasSubstr("there is no key all.stesp (did you mean all.steps?)"));
  expect_refused("al.steps=1", HasSubstr("did you mean all.steps?"));
  expect_refused("steps=1", HasSubstr("did you mean all.steps?"));
  expect_refused("othr.widht=1", HasSubstr("did you mean other.widths?"));
  expect_refused("nothing.like_it_at_all=1", Not(HasSubstr("did you mean")));
  expect_refused(std::string(100'000, 'x') + "=1", HasSubstr("there is no key"));
  expect_error<InputError>([&] { set_in_file("[all]\nstesp = 3\n"); },
                           "a.toml:2:1: there is no key all.stesp (did you mean all.steps?); "
                           "gm_train --help-config lists all keys");
  expect_error<InputError>([&] { set_in_file("[all.deeper]\nsteps = 3\n"); },
                           HasSubstr("a.toml:2:1: there is no key all.deeper.steps"));
}

TEST_F(SchemaTest, KeysReportTheirValuesInOrder) {
  const auto& keys = schema_.keys();
  ASSERT_EQ(keys.size(), 20U);
  EXPECT_EQ(keys[0].name(), "all.flag");
  EXPECT_EQ(keys[0].help(), "A switch.");
  EXPECT_EQ(keys[10].name(), "other.flag");
  EXPECT_EQ(to_text(keys[1].value()), "80");
  EXPECT_EQ(to_text(keys[3].value()), "0.5");
  EXPECT_EQ(to_text(keys[4].value()), "1.0");
  EXPECT_EQ(to_text(keys[5].value()), "\"here\"");
  EXPECT_EQ(to_text(keys[8].value()), "[1, 2]");
  EXPECT_EQ(to_text(keys[9].value()), "\"red\"");
}

TEST(Nearest, CountsASwapAsOneMistake) {
  EXPECT_EQ(nearest("a.bacth", {"a.batch", "a.bat"}), "a.batch");
}

TEST(Nearest, CountsAMissingEndAsOneMistake) {
  EXPECT_EQ(nearest("fill.jump", {"ema.ramp", "fill.jump_length"}), "fill.jump_length");
}

TEST(Nearest, FindsNothingInAnEmptyList) { EXPECT_EQ(nearest("a", {}), std::nullopt); }

}  // namespace
}  // namespace gm
