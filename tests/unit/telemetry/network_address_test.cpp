// Addresses of endpoints, as users give them and as other hosts need them.
#include "telemetry/network_address.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"

namespace gm {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(AddressInDigits, AcceptsNumbersAndNamesWithAndWithoutBrackets) {
  for (const char* address : {"127.0.0.1", "localhost", "[127.0.0.1]"})
    EXPECT_EQ(address_in_digits(address), "127.0.0.1");
  for (const char* address : {"::1", "[::1]", "0:0:0:0:0:0:0:1"})
    EXPECT_EQ(address_in_digits(address), "::1");
  EXPECT_EQ(address_in_digits("::"), "::");
}

TEST(AddressInDigits, NamesTheKeyOfAnInvalidAddress) {
  for (const char* address : {"not an address", "::g", "127.0.0.1:9464", "[::1]:9464", "1.2.3.4.5",
                              "http://127.0.0.1", "[", "", "[]"}) {
    expect_error<InputError>([&] { address_in_digits(address); },
                             HasSubstr(fmt::format("telemetry.address = \"{}\"", address)));
  }
}

TEST(NetworkAddress, APortFollowsAnAddressOfEitherFamilyOrAName) {
  EXPECT_EQ(with_port("127.0.0.1", 9464), "127.0.0.1:9464");
  EXPECT_EQ(with_port("node7", 9464), "node7:9464");
  EXPECT_EQ(with_port("::1", 9464), "[::1]:9464");
}

TEST(NetworkAddress, LoopbackAddressesAreOfBothFamilies) {
  for (const char* address : {"127.0.0.1", "127.1.2.3", "::1"})
    EXPECT_TRUE(is_loopback(address)) << address;
  for (const char* address : {"10.0.0.5", "0.0.0.0", "::", "fd00::1"})
    EXPECT_FALSE(is_loopback(address)) << address;
}

TEST(NetworkAddress, ABoundAddressIsReachedThereAndEveryAddressAtOneOfThisHost) {
  for (const char* address : {"10.0.0.5", "127.0.0.1", "::1"})
    EXPECT_EQ(reachable_address(address), address);
  for (const char* address : {"0.0.0.0", "::"}) {
    const std::string reached = reachable_address(address);
    EXPECT_THAT(reached, Not(IsEmpty()));
    EXPECT_NE(reached, address);
    EXPECT_FALSE(is_loopback(reached)) << reached;
    EXPECT_THAT(reached, Not(HasSubstr("fe80:")));
  }
}

}  // namespace
}  // namespace gm
