// The main() of the gtest programs that run in one process.
#include <gmock/gmock.h>

#include <cstdio>

#include "base/end_process.h"
#include "base/error.h"
#include "base/kernel_set.h"

namespace {

constexpr int kNotRun = 77;  // tests/CMakeLists.txt: SKIP_RETURN_CODE

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  try {
    gm::require_wanted_kernel_set();
  } catch (const gm::InputError& reason) {
    std::fprintf(stderr, "not run: %s\n", reason.what());
    return kNotRun;
  }
  gm::end_process(RUN_ALL_TESTS());
}
