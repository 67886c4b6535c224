#include "base/openmp_spinning.h"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <latch>
#include <memory>
#include <thread>

namespace gm {
namespace {

/// Some containers and users are limited to a thousand threads, and OpenMP ends the process if it
/// cannot start one. A host with this many cores is rarely busy with other programs on all of them.
constexpr int kLargestTeam = 64;

}  // namespace

void shorten_openmp_spinning(int threads) {
  if (threads < 2 || std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  // The runtime counts the program's first thread and the members of each team except the thread
  // that started the team. It compares the count with the cores that were allowed at its start.
  const int team = std::max(2, omp_get_num_procs() - threads + 2);
  if (team > kLargestTeam) return;
  const auto started = std::make_shared<std::latch>(1);  // the thread may still be in count_down()
  std::thread([started, team] {
    std::atomic<int> members = 0;  // The compiler removes a region without an effect.
#pragma omp parallel num_threads(team)
    ++members;
    started->count_down();
    while (true) ::pause();  // A team ends with the thread that started it.
  }).detach();
  started->wait();
}

}  // namespace gm
