/// Expects an exception of exactly one type and checks its message.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <typeinfo>

namespace gm {

/// `act` must throw an E (not a class derived from it) whose what() matches `message`.
template <class E, class Act, class Matcher>
void expect_error(Act act, const Matcher& message) {
  try {
    act();
  } catch (const E& error) {
    EXPECT_EQ(typeid(error), typeid(E)) << error.what();
    EXPECT_THAT(std::string(error.what()), message);
    return;
  }
  ADD_FAILURE() << "nothing was thrown";
}

}  // namespace gm
