// Which code the user trusts is a file of the user alone.
#include "eval/trusted_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace gm {
namespace {

class TrustedCode : public testing::Test {
 protected:
  TrustedCode() {
    if (const char* before = std::getenv("XDG_CACHE_HOME")) before_ = before;
    ::setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1);
  }
  ~TrustedCode() override {
    if (before_) {
      ::setenv("XDG_CACHE_HOME", before_->c_str(), 1);
    } else {
      ::unsetenv("XDG_CACHE_HOME");
    }
  }

  TemporaryFolder folder_;
  std::optional<std::string> before_;
};

TEST_F(TrustedCode, IsKeptInTheUsersCacheFolder) {
  EXPECT_TRUE(trusted_code().empty());
  const std::string one(64, 'a'), two(64, '1');
  trust_code(one);
  trust_code(two);
  trust_code(std::string(64, 'A'));  // the same as `one`
  EXPECT_EQ(trusted_code(), (std::vector<std::string>{one, two}));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "gm/trusted_code"));
}

TEST_F(TrustedCode, OnlyASha256IsAccepted) {
  for (const std::string& wrong : {std::string("abc"), std::string(64, 'g'), std::string()}) {
    expect_error<InputError>([&] { trust_code(wrong); }, testing::HasSubstr("--trust"));
  }
}

}  // namespace
}  // namespace gm
