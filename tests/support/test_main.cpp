// The main() of the gtest programs that run in one process.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/end_process.h"
#include "base/error.h"
#include "base/kernel_set.h"

namespace {

constexpr int kNotRun = 77;  // tests/CMakeLists.txt: SKIP_RETURN_CODE

/// Why these tests are not run again with the kernels of GM_KERNELS; empty if they are. Throws
/// InputError for a set that does not exist.
std::string reason_not_to_repeat() {
  using enum gm::KernelSet;
  const char* wanted = std::getenv("GM_KERNELS");
  for (const gm::KernelSet set : {aten, portable, avx2, avx512}) {
    if (wanted == nullptr || gm::name_of(set) != wanted) continue;
    if (!gm::is_available(set)) return fmt::format("this machine cannot run {} kernels", wanted);
    return set == gm::best_kernel_set() ? fmt::format("all tests use the {} kernels", wanted) : "";
  }
  throw gm::InputError("GM_KERNELS is not a set of kernels");
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  const bool repeats = argc > 1 && std::string_view(argv[1]) == "--repeat-with-kernels";
  if (const std::string reason = repeats ? reason_not_to_repeat() : ""; !reason.empty()) {
    std::fprintf(stderr, "not run: %s\n", reason.c_str());
    return kNotRun;
  }
  gm::end_process(RUN_ALL_TESTS());
}
