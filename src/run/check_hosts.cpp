#include "run/check_hosts.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/scalar_tensor.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/host.h"
#include "base/log.h"
#include "base/unix_time.h"
#include "comm/consistency.h"
#include "run/run_lock.h"

namespace gm {
namespace fs = std::filesystem;
namespace {

constexpr double kLargestSkewSeconds = 5;

}  // namespace

void require_shared_run_directory(const fs::path& run_dir, Communicator& ranks) {
  const std::string mine = RunLock::identity(run_dir);
  const std::string holder = ranks.broadcast_text(mine, 0);
  require_no_problem(
      ranks, run_dir.string() + ": the ranks do not see the same run directory",
      !holder.empty() && mine == holder ? "" : "without the lock of rank 0",
      "choose a folder of a file system that all hosts share, at the same path, with run.dir=...");
}

void require_data_on_all_hosts(const fs::path& packed, Communicator& ranks) {
  std::error_code reason;
  const bool exists = fs::exists(packed, reason);
  require_no_problem(ranks, packed.string() + ": missing on some ranks",
                     exists   ? ""
                     : reason ? reason.message()
                              : "no such file or folder",
                     "use a file system that all hosts share (data.path; data.cache if gm packs "
                     "the images), or copy the data to the same path on every host");
}

void warn_of_clock_skew(Communicator& ranks) {
  ranks.barrier();
  const at::Tensor times = ranks.all_gather(at::scalar_tensor(unix_seconds(), at::kDouble));
  const at::Tensor ahead = times - times[0];
  const auto worst = ahead.abs().argmax().item<int64_t>();
  const double seconds = ahead[worst].item<double>();
  if (std::abs(seconds) <= kLargestSkewSeconds) return;
  const std::string host = ranks.all_gather_text(host_name())[static_cast<size_t>(worst)];
  if (ranks.rank() != 0) return;
  log_warning(
      "the clock of rank {} on {} is {:.0f} s {} that of rank 0, so times in logs and metrics "
      "differ; synchronize the clocks of the hosts, for example with chrony",
      worst, host, std::abs(seconds), seconds > 0 ? "ahead of" : "behind");
}

}  // namespace gm
