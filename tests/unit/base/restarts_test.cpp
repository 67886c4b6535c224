#include "base/restarts.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/error.h"

namespace gm {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class RestartsTest : public testing::Test {
 protected:
  ~RestartsTest() override { ::unsetenv("GM_RESTARTS"); }

  static void set(const char* value) { ::setenv("GM_RESTARTS", value, /*overwrite=*/1); }
};

TEST_F(RestartsTest, AreNotCountedWithoutALauncherThatRestarts) {
  EXPECT_EQ(restarts_so_far(), std::nullopt);
}

TEST_F(RestartsTest, AreThoseThatTheLauncherHasCounted) {
  set("0");
  EXPECT_EQ(restarts_so_far(), 0);
  set("12");
  EXPECT_EQ(restarts_so_far(), 12);
}

TEST_F(RestartsTest, AreANumber) {
  for (const char* wrong : {"", "yes", "-1", "3x", " 3", "99999999999"}) {
    set(wrong);
    EXPECT_THAT(restarts_so_far, ThrowsMessage<InputError>(HasSubstr("GM_RESTARTS"))) << wrong;
  }
}

}  // namespace
}  // namespace gm
