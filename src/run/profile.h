/// Profiles training steps: time per operator.
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
/// tensors of these shapes. A fused multiply-add counts as two. The count follows the definition of
/// the operator, so a kernel that needs fewer operations shows more GFLOP/s. 0 for operators that
/// are not counted.
using CountFlops =
    std::function<double(std::string_view name, const std::vector<std::vector<int64_t>>& shapes)>;

/// All calls of one operator.
struct OperatorTime {
  std::string name = {};
  int64_t calls = 0;
  double seconds = 0;  ///< Self time: without the operators that it called.
  double flops = 0;
};

/// Times the operators of `steps` steps on the calling thread, and the work between the steps
/// (samples, the copy for a checkpoint). The first step is not timed, because it includes one-time
/// initialization. Afterwards logs the table and writes the trace; a failed write is only a
/// warning. At most one object per process, on rank 0 only. The time that rank 0 waits for slower
/// ranks counts as reduction.
class Profile {
 public:
  /// `trace`: the output file, for the trace viewers of Chrome and Perfetto.
  Profile(int64_t steps, std::filesystem::path trace, CountFlops count_flops);
  /// Discards an incomplete profile with a warning.
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Call it after each step, on the training thread.
  void step(const StepReport& report);

 private:
  void begin();
  void end();
  std::string table(const std::vector<OperatorTime>& operators, double all_seconds) const;

  int64_t steps_;
  std::filesystem::path trace_;
  CountFlops count_flops_;
  int64_t done_ = -1;  // timed steps so far; -1 before the first step ends
  std::chrono::steady_clock::time_point begin_;
  std::map<std::string, double> part_seconds_;
};

}  // namespace gm
