#include "comm/mpi_wait.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace gm {
namespace {

using std::chrono::microseconds;

/// Messages between ranks that wait at the same time arrive within this time.
constexpr microseconds kPollingTime{200};
/// A poll costs some microseconds, a training step many milliseconds: waking up this late does not
/// change the step time noticeably.
constexpr microseconds kPause{50};
constexpr microseconds kLongestPause{500};

bool are_complete(std::span<MPI_Request> requests) {
  int complete = 0;
  GM_MPI_CHECK(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &complete,
                           MPI_STATUSES_IGNORE));
  return complete != 0;
}

}  // namespace

void wait_for_all(std::span<MPI_Request> requests) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  microseconds pause = kPause;
  while (!are_complete(requests)) {
    if (Clock::now() - start < kPollingTime) continue;
    std::this_thread::sleep_for(pause);
    pause = std::min(kLongestPause, pause + pause / 16);
  }
}

}  // namespace gm
