#include "comm/restarts.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/test_world.h"

namespace gm {
namespace {

using testing::HasSubstr;

class Restarts : public testing::Test {
 protected:
  ~Restarts() override { ::unsetenv("GM_RESTARTS"); }

  static Communicator& ranks() { return test_world().communicator(); }
  static void set(const char* value) { ::setenv("GM_RESTARTS", value, /*overwrite=*/1); }
};

TEST_F(Restarts, AreNotCountedWithoutALauncherThatRestarts) {
  EXPECT_EQ(restarts_so_far(ranks()), std::nullopt);
}

TEST_F(Restarts, AreThoseThatTheLauncherHasCounted) {
  set("0");
  EXPECT_EQ(restarts_so_far(ranks()), 0);
  set("12");
  EXPECT_EQ(restarts_so_far(ranks()), 12);
}

TEST_F(Restarts, AreThoseOfRankZeroAlsoWhereTheLauncherDoesNotPassThemOn) {
  if (test_world().rank() == 0) set("3");
  EXPECT_EQ(restarts_so_far(ranks()), 3);
}

TEST_F(Restarts, AreANumber) {
  for (const char* wrong : {"", "yes", "-1", "3x", " 3", "99999999999"}) {
    set(wrong);
    expect_error<InputError>([&] { restarts_so_far(ranks()); }, HasSubstr("GM_RESTARTS"));
  }
}

}  // namespace
}  // namespace gm
