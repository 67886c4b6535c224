#include "base/malloc_settings.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

// Sanitizers replace the allocator.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace gm {
namespace {

long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

void use_blocks() {
  constexpr size_t kBytes = 48 << 20;
  std::vector<void*> blocks(4);
  for (void*& block : blocks) {
    block = std::malloc(kBytes);
    std::fill_n(static_cast<volatile char*>(block), kBytes, char{1});
  }
  for (void* block : blocks) std::free(block);
}

/// The settings persist after the test, so it runs in a separate process.
TEST(AllocatorDeathTest, ReusesThePagesOfLargeBlocks) {
  const auto run = [] {
    tune_allocator();
    use_blocks();
    const long before = page_faults();
    use_blocks();
    std::exit(page_faults() - before < 100 ? 0 : 1);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace gm

#endif
