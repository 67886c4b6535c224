// Runs the tests on every rank. A failure on any rank fails the program.
#include <ATen/ops/scalar_tensor.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "base/error.h"
#include "comm/communicator.h"
#include "comm/mpi_check.h"
#include "comm/run_program.h"
#include "comm/watchdog.h"
#include "support/test_world.h"

namespace gm {
namespace {

World* the_world = nullptr;
Watchdog* the_watchdog = nullptr;

/// Ends all ranks when a test takes too long. After a failure on one rank, the others may wait in a
/// collective operation without end.
class BoundEachTest : public testing::EmptyTestEventListener {
 public:
  void OnTestStart(const testing::TestInfo& test) override {
    section_.emplace(the_watchdog->section(test.name(), 60));
  }
  void OnTestEnd(const testing::TestInfo&) override { section_.reset(); }

 private:
  std::optional<Watchdog::Section> section_;
};

/// GM_TEST_RANKS is the expected number of ranks.
void require_expected_size(const World& world) {
  int started = 0;
  MPI_Initialized(&started);
  if (!started) throw Error("these tests must be started with mpirun");
  const char* expected = std::getenv("GM_TEST_RANKS");
  if (!expected || std::to_string(world.size()) == expected) return;
  throw Error("these tests are meant for {} ranks, but the world has {}", expected, world.size());
}

int run_tests(World& world) {
  the_world = &world;
  Watchdog watchdog(world);
  the_watchdog = &watchdog;
  require_expected_size(world);
  testing::UnitTest::GetInstance()->listeners().Append(new BoundEachTest);
  const at::Tensor failed = at::scalar_tensor(RUN_ALL_TESTS() == 0 ? 0 : 1, at::kInt);
  world.communicator().all_reduce_max(failed);
  return failed.item<int>();
}

}  // namespace

World& test_world() { return *the_world; }
Watchdog& test_watchdog() { return *the_watchdog; }

}  // namespace gm

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();
  gm::run_program(gm::run_tests);
}
