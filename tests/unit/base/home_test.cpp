// Expansion of ~ in paths to the home folder.
#include "base/home.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace gm {
namespace {

TEST(WithHome, ExpandsOnlyTheUsersOwnHomeFolder) {
  const std::string before = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  ::setenv("HOME", "/home/ada", 1);
  EXPECT_EQ(expand_home("~"), "/home/ada");
  EXPECT_EQ(expand_home("~/"), "/home/ada/");
  EXPECT_EQ(expand_home("~/runs/~x"), "/home/ada/runs/~x");
  for (const char* path : {"", "runs", "./~/x", "a~", "/~"}) EXPECT_EQ(expand_home(path), path);
  EXPECT_FALSE(expand_home("~bob/runs"));
  ::setenv("HOME", before.c_str(), 1);
}

TEST(WithHome, FindsTheHomeFolderIfHomeIsUnset) {
  const std::string before = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  ::unsetenv("HOME");
  EXPECT_TRUE(expand_home("~/x").value_or("").starts_with('/'));
  ::setenv("HOME", before.c_str(), 1);
}

}  // namespace
}  // namespace gm
