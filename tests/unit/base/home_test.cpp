// Which paths begin in the home folder.
#include "base/home.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace gm {
namespace {

TEST(WithHome, ExpandsOnesOwnHomeFolderAlone) {
  const std::string before = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  ::setenv("HOME", "/home/ada", 1);
  EXPECT_EQ(with_home("~"), "/home/ada");
  EXPECT_EQ(with_home("~/"), "/home/ada/");
  EXPECT_EQ(with_home("~/runs/~x"), "/home/ada/runs/~x");
  for (const char* path : {"", "runs", "./~/x", "a~", "/~"}) EXPECT_EQ(with_home(path), path);
  EXPECT_FALSE(with_home("~bob/runs"));
  ::setenv("HOME", before.c_str(), 1);
}

TEST(WithHome, KnowsTheHomeFolderWithoutItsVariable) {
  const std::string before = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  ::unsetenv("HOME");
  EXPECT_TRUE(with_home("~/x").value_or("").starts_with('/'));
  ::setenv("HOME", before.c_str(), 1);
}

}  // namespace
}  // namespace gm
