#include "base/kernel_set.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/error.h"

namespace gm {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr auto kSets = {KernelSet::aten, KernelSet::portable, KernelSet::avx2, KernelSet::avx512};

TEST(KernelSet, IsTheBestUnlessAnotherIsAskedFor) {
  EXPECT_EQ(choose_kernel_set(""), best_kernel_set());
  EXPECT_EQ(choose_kernel_set("portable"), KernelSet::portable);
}

TEST(KernelSet, IsAvailableWithAllLesserOnes) {
  EXPECT_TRUE(is_available(KernelSet::aten));
  EXPECT_TRUE(is_available(KernelSet::portable));
  EXPECT_TRUE(is_available(best_kernel_set()));
  EXPECT_TRUE(is_available(KernelSet::avx2) || !is_available(KernelSet::avx512));
}

TEST(KernelSet, CanBeChosenByItsNameWhereItIsAvailable) {
  for (const KernelSet set : kSets) {
    if (is_available(set)) {
      EXPECT_EQ(choose_kernel_set(name_of(set)), set);
    } else {
      EXPECT_THROW(choose_kernel_set(name_of(set)), InputError);
    }
  }
}

TEST(KernelSet, RefusesANameThatItDoesNotKnowAndSaysWhichItKnows) {
  EXPECT_THAT(
      [] { choose_kernel_set("sse9"); },
      ThrowsMessage<InputError>(AllOf(HasSubstr("GM_KERNELS=\"sse9\""), HasSubstr("portable"))));
}

/// ctest runs the tests again for each GM_KERNELS, on machines without that set as well.
TEST(KernelSet, FollowsTheEnvironmentWhereItCan) {
  const char* variable = std::getenv("GM_KERNELS");
  const std::string_view wanted = variable ? variable : "";
  KernelSet expected = best_kernel_set();
  for (const KernelSet set : kSets) {
    if (name_of(set) == wanted && is_available(set)) expected = set;
  }
  EXPECT_EQ(kernel_set(), expected);
}

}  // namespace
}  // namespace gm
