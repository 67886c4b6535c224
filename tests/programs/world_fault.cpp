// Fails on purpose, on one rank or on all ranks. system/world_fault_test.cpp runs it.
#include <c10/util/Exception.h>
#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/error.h"
#include "comm/communicator.h"
#include "comm/run_program.h"
#include "comm/watchdog.h"
#include "comm/world.h"

namespace gm {
namespace {

constexpr double kLimitSeconds = 1;

void wait_for_ever() {
  while (true) ::pause();
}

/// Rank 1 runs `elsewhere` while the other ranks wait for it in a reduction.
void miss_a_reduction(World& world, const std::function<void()>& elsewhere) {
  Watchdog watchdog(world);
  const auto step = watchdog.section("step", 0);
  world.communicator().barrier();
  if (world.rank() == 1) {
    const auto section = watchdog.section("data", 0);
    elsewhere();
  }
  const auto section = watchdog.section("reduction", kLimitSeconds);
  world.communicator().barrier();
}

[[noreturn]] void throw_in_a_thread() {
  std::thread([] { throw Error("a thread gave up"); }).join();
  wait_for_ever();
  throw std::logic_error("unreachable");
}

/// Runs `fail` on rank 1 while the others wait for it.
void fail_alone(World& world, const std::function<void()>& fail) {
  if (world.rank() == 1) fail();
  world.communicator().barrier();
}

using Fault = std::function<int(World&)>;

const std::map<std::string, Fault> kFaults{
    {"none", [](World&) { return kExitDone; }},
    {"run_me_again", [](World&) { return kExitRetry; }},
    {"threads",
     [](World& world) {
       for (const auto& line :
            world.communicator().all_gather_text(fmt::format("threads {}", world.threads()))) {
         if (world.rank() == 0) fmt::print("{}\n", line);
       }
       return kExitDone;
     }},
    {"input_wrong_on_all",
     [](World&) -> int { throw InputError("gm.toml: no key is called\ndta.path"); }},
    {"different_on_all",
     [](World& world) -> int {
       if (world.rank() == 0) throw InputError("no file here");
       throw Error("no space there");
     }},
    {"torch_error_on_all", [](World&) -> int { TORCH_CHECK(false, "shapes do not match"); }},
    {"input_wrong_on_one",
     [](World& world) -> int {
       fail_alone(world, [] { throw InputError("no file here"); });
       return kExitDone;
     }},
    {"error_on_one",
     [](World& world) -> int {
       fail_alone(world, [] { throw std::runtime_error("something broke"); });
       return kExitDone;
     }},
    {"error_in_thread_on_one",
     [](World& world) -> int {
       fail_alone(world, throw_in_a_thread);
       return kExitDone;
     }},
    {"rank_hangs",
     [](World& world) -> int {
       miss_a_reduction(world, wait_for_ever);
       return kExitDone;
     }},
    {"rank_stops",
     [](World& world) -> int {
       miss_a_reduction(world, [] { std::raise(SIGSTOP); });
       return kExitDone;
     }},
    {"rank_leaves_early",
     [](World& world) -> int {
       if (world.rank() == 1) return kExitDone;
       Watchdog watchdog(world);
       const auto section = watchdog.section("reduction", kLimitSeconds);
       world.communicator().barrier();
       return kExitDone;
     }},
};

}  // namespace
}  // namespace gm

int main(int argc, char** argv) {
  gm::run_program([&](gm::World& world) {
    const auto fault = gm::kFaults.find(argc > 1 ? argv[1] : "");
    if (fault == gm::kFaults.end()) throw gm::InputError("usage: world_fault FAULT");
    return fault->second(world);
  });
}
