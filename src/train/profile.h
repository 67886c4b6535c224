/// Where the time of some training steps went, operator by operator.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/step_report.h"

namespace gm {

/// Floating-point operations of a call of the operator `name` ("gm::convolution3x3_forward") with
/// tensors of these shapes, counting a fused multiply-add as two, as the operator's definition has
/// them: a kernel that gets along with fewer shows more GFLOP/s. 0 for operators that are not
/// counted.
using CountFlops =
    std::function<double(std::string_view name, const std::vector<std::vector<int64_t>>& shapes)>;

/// All calls of one operator.
struct OperatorTime {
  std::string name = {};
  int64_t calls = 0;
  double seconds = 0;  ///< Without those of the operators that it called.
  double flops = 0;
};

/// Times the operators of `steps` steps on the calling thread, and what is done between these
/// (samples, the copy for a checkpoint), the first step aside, which pays for what later ones find
/// in place. Then says the table and writes the trace; one that cannot be written is a warning. One
/// object at a time in a process, and on rank 0 only: what it waits for slower ranks is in its time
/// of the reduction.
class Profile {
 public:
  /// `trace` is a file for Chrome's and Perfetto's viewers.
  Profile(int64_t steps, std::filesystem::path trace, CountFlops count_flops);
  /// Gives up what is not complete, and warns of it.
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// To be called after each step, on the thread that does them.
  void step(const StepReport& report);

 private:
  void begin();
  void end();
  std::string table(const std::vector<OperatorTime>& operators, double all_seconds) const;

  int64_t steps_;
  std::filesystem::path trace_;
  CountFlops count_flops_;
  int64_t done_ = -1;  // of the steps that are timed; -1 before the first
  std::chrono::steady_clock::time_point begin_;
  std::map<std::string, double> part_seconds_;
};

}  // namespace gm
