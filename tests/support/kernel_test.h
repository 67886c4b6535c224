/// Tests in sources that are compiled once for each instruction set (base/cpu/simd.h).
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/cpu/simd.h"

/// Like TEST, for code that uses the vectors of the instruction set. Registers "suite.name/avx2" if
/// the machine supports the instruction set.
#define GM_KERNEL_TEST(suite, name)                                                            \
  void suite##name();                                                                          \
  [[maybe_unused]] const bool suite##name##IsRegistered =                                      \
      gm::GM_KERNEL_SET::register_kernel_test(#suite, #name, __FILE__, __LINE__, suite##name); \
  void suite##name()

namespace gm::GM_KERNEL_SET {

class KernelTest : public testing::Test {
 public:
  explicit KernelTest(void (*body)()) : body_(body) {}
  void TestBody() override { body_(); }

 private:
  void (*body_)();
};

inline bool register_kernel_test(const char* suite, std::string name, const char* file, int line,
                                 void (*body)()) {
  constexpr KernelSet set = KernelSet::GM_KERNEL_SET;
  if (!is_available(set)) return false;
  name.append("/").append(name_of(set));
  testing::RegisterTest(suite, name.c_str(), nullptr, nullptr, file, line,
                        [body]() -> testing::Test* { return new KernelTest(body); });
  return true;
}

}  // namespace gm::GM_KERNEL_SET
