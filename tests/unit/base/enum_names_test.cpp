// Values of enumerations and their names.
#include "base/enum_names.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>

namespace gm {
namespace {

enum class Colour { kRed, kGreen, kBlue };
constexpr auto names_of(Colour) {
  using enum Colour;
  return std::to_array<std::pair<Colour, const char*>>(
      {{kBlue, "blue"}, {kRed, "red"}, {kGreen, "green"}});
}

TEST(EnumNames, BindEachValueToItsName) {
  for (const Colour colour : {Colour::kRed, Colour::kGreen, Colour::kBlue}) {
    EXPECT_EQ(value_named<Colour>(name_of(colour)), colour);
  }
  EXPECT_STREQ(name_of(Colour::kGreen), "green");
  EXPECT_EQ(value_named<Colour>("Green"), std::nullopt);
  EXPECT_EQ(value_named<Colour>(""), std::nullopt);
}

TEST(EnumNames, AreListedInTheOrderOfTheirTable) {
  EXPECT_EQ(all_names<Colour>(), (std::vector<std::string>{"blue", "red", "green"}));
}

}  // namespace
}  // namespace gm
