// Parsing TOML into assignments, and writing values as TOML.
#include "config/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ParseToml, ReturnsKeysWithFileLineAndColumn) {
  const auto assignments = parse_toml("top = 1\n[a]\n# a comment\n  b = 2.5\nc.d = true\n", "f");
  ASSERT_EQ(assignments.size(), 3U);
  std::map<std::string, std::string> places;
  for (const auto& assignment : assignments) places[assignment.key] = assignment.where;
  EXPECT_EQ(places["top"], "f:1:1");
  EXPECT_EQ(places["a.b"], "f:4:3");
  EXPECT_THAT(places["a.c.d"], StartsWith("f:5:"));
}

TEST(ParseToml, ASyntaxErrorNamesFileLineAndColumn) {
  expect_error<InputError>([] { parse_toml("[a]\nb = \n", "f.toml"); },
                           StartsWith("f.toml:2:5: not TOML"));
  expect_error<InputError>([] { parse_toml("[a]\nb = 1\nb = 2\n", "f.toml"); },
                           StartsWith("f.toml:3:"));
  expect_error<InputError>([] { parse_toml("a = \"\xff\xfe\"", "f.toml"); },
                           StartsWith("f.toml:1:"));
}

TEST(ParseToml, DatesAndArraysOfTablesAreRefused) {
  expect_error<InputError>([] { parse_toml("[a]\nb = 2024-01-01\n", "f"); },
                           HasSubstr("f:2:1: a.b: no key takes"));
  expect_error<InputError>([] { parse_toml("[[a.b]]\nc = 1\n", "f"); }, HasSubstr("no key takes"));
  expect_error<InputError>([] { parse_toml("a = [{b = 1}]\n", "f"); }, HasSubstr("no key takes"));
}

TEST(ParseToml, DeepNestingIsRefused) {
  EXPECT_THROW(parse_toml("a = " + std::string(100'000, '['), "f"), InputError);
  EXPECT_THROW(parse_toml("a = " + std::string(100'000, '[') + std::string(100'000, ']'), "f"),
               InputError);
}

TEST(ReadToml, RefusesMissingAndHugeFiles) {
  const TemporaryFolder folder;
  expect_error<InputError>([&] { read_toml(folder / "none.toml"); }, HasSubstr("none.toml"));
  std::ofstream(folder / "huge.toml") << std::string((1 << 20) + 1, '#');
  expect_error<InputError>([&] { read_toml(folder / "huge.toml"); }, HasSubstr("at most"));
}

TEST(ParseToml, RefusesTablesNestedSoDeepThatFreeingThemWouldOverflowTheStack) {
  std::string key = "a";
  for (int i = 0; i < 200'000; ++i) key += ".a";
  const auto has_dots = HasSubstr("more than 4000 dots");
  expect_error<InputError>([&] { parse_toml(key + " = 1", "f"); }, has_dots);
  expect_error<InputError>([&] { parse_toml("[" + key + "]", "f"); }, has_dots);
  expect_error<InputError>([&] { parse_override("a={" + key + "=1}"); }, has_dots);
}

TEST(ParseOverride, NeedsAKeyAndAnEqualsSign) {
  expect_error<InputError>([] { parse_override("train.steps"); },
                           "command line: \"train.steps\" is neither a file nor "
                           "section.key=value");
  EXPECT_THROW(parse_override("=3"), InputError);
  EXPECT_THROW(parse_override(""), InputError);
}

TEST(IsAssignment, DistinguishesKeysFromFileNames) {
  for (const char* key : {"train.steps=3", "mask.kind=", "run.dir=runs/a=b", "steps=1"})
    EXPECT_TRUE(is_assignment(key)) << key;
  for (const char* name : {"runs/lr=0.1", "./run.lr=1", "../a=b", "run.toml", "a.b", ""})
    EXPECT_FALSE(is_assignment(name)) << name;
}

TEST(IsAssignment, AnExistingPathIsNotAnAssignment) {
  const TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  std::filesystem::create_directory("train.steps=3");
  std::ofstream("lr=0.1") << "";
  EXPECT_FALSE(is_assignment("train.steps=3"));
  EXPECT_FALSE(is_assignment("lr=0.1"));
  std::filesystem::current_path(before);
}

TEST(ParseOverride, RefusesAMissingValue) {
  expect_error<InputError>([] { parse_override("model.weights="); },
                           HasSubstr("command line: model.weights= has no value"));
  EXPECT_EQ(std::get<std::string>(parse_override("model.weights=''").value.content), "");
}

TEST(ParseOverride, RefusesValuesThatAreNotUtf8) {
  expect_error<InputError>([] { parse_override("run.dir=\xff"); },
                           "command line: run.dir: the value is not UTF-8, so no configuration "
                           "file can hold it");
}

/// A value, written as TOML and read again.
Value read_again(const Value& value) {
  return parse_toml("value = " + to_text(value), "f").at(0).value;
}

TEST(ToText, ReadsBackToTheSameValue) {
  for (const double number : {0.0, 1.0, -20000.0, 0.1, 1e-8, 1e300, 5e-324, 1.0 / 3,
                              std::numeric_limits<double>::max()}) {
    EXPECT_EQ(std::get<double>(read_again({number}).content), number);
  }
  for (const int64_t number : {int64_t{0}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(std::get<int64_t>(read_again({number}).content), number);
  }
  for (const std::string& text :
       {std::string("plain"), std::string("a\"b\\c"), std::string("line\nfeed\ttab"),
        std::string("\x01\x7f"), std::string("Kätzchen 猫"), std::string("# ' '''")}) {
    EXPECT_EQ(std::get<std::string>(read_again({text}).content), text);
  }
  const auto list = std::get<ValueArray>(read_again({ValueArray{{true}, {int64_t{2}}}}).content);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(std::get<int64_t>(list[1].content), 2);
}

}  // namespace
}  // namespace gm
