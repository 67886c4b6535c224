#include "comm/world.h"

#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <thread>
#include <vector>

#include "base/cores.h"
#include "base/error.h"
#include "base/host.h"
#include "base/interruptible_wait.h"
#include "base/log.h"
#include "base/openmp_spinning.h"
#include "base/running_time.h"
#include "base/thread_count.h"
#include "comm/collectives.h"
#include "comm/consistency.h"
#include "comm/mpi_communicator.h"
#include "comm/rank_status.h"

namespace gm {
namespace {

/// Longest wait for the other ranks when MPI starts and finishes: starting thousands of processes,
/// or writing the last checkpoint, takes minutes.
constexpr double kStartSeconds = 600;
constexpr double kFinishSeconds = 600;
/// After every rank has failed, there is no work left to finish.
constexpr double kFinishAfterFailureSeconds = 5;
constexpr double kAbortSeconds = 5;

/// Whether MPI is running, and the rank of this process, for end_world() on any thread.
struct MpiState {
  std::atomic<bool> running = false;
  std::atomic<int> rank = 0;
};
MpiState mpi_state;

/// Writes to stderr and, if this rank has one, to the run's log.
void log_reason(int status, std::string_view reason) {
  const bool is_failure = status != kExitDone && status != kExitRetry;
  log_to_file(is_failure ? LogLevel::kError : LogLevel::kInfo, reason);
  const std::string line = fmt::format("{}: [rank {}] {}\n", program_invocation_short_name,
                                       mpi_state.rank.load(), reason);
  std::fwrite(line.data(), 1, line.size(), stderr);  // One write: lines of ranks do not mix.
}

/// Ends the process unless this object is destroyed within `seconds`: for MPI calls that may wait
/// forever.
class LeaveAfter {
 public:
  LeaveAfter(double seconds, int status, std::string reason)
      : thread_([=](const std::stop_token& stop) {
          if (wait_for_stop_in_running_time(std::chrono::duration<double>(seconds), stop)) return;
          if (!reason.empty()) log_reason(status, reason);
          ::_exit(status);
        }) {}

 private:
  std::jthread thread_;
};

std::optional<int> number_in_environment(const char* name) {
  const char* text = std::getenv(name);
  if (!text) return std::nullopt;
  int number = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

bool started_by_mpi_launcher() {
  // mpirun of Open MPI; srun --mpi=pmix and prterun; launchers of the MPICH family.
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(name)) return true;
  }
  return false;
}

/// The number of processes that the launcher reports; 1 if it reports none.
int size_by_launcher() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    if (const auto size = number_in_environment(name)) return *size;
  }
  return 1;
}

void require_launcher_and_mpi_agree(int size) {
  if (size == size_by_launcher()) return;
  throw InputError(
      "the launcher started {} processes but MPI connects {}: each would train its own run. "
      "Start them with Open MPI's mpirun, or with srun --mpi=pmix",
      size_by_launcher(), size);
}

/// The allowed cores, limited by the container's quota, divided by the number of processes of the
/// node that share any of them. mpirun binds each rank to its own cores or lets all ranks use all
/// cores, depending on its options.
int share_of_cores(const cpu_set_t& mine, const std::vector<cpu_set_t>& on_node) {
  const auto overlaps = [&](const cpu_set_t& other) {
    cpu_set_t common;
    CPU_AND(&common, &mine, &other);
    return CPU_COUNT(&common) > 0;
  };
  const auto sharers = std::count_if(on_node.begin(), on_node.end(), overlaps);
  return std::max(1, usable_cores(mine) / static_cast<int>(sharers));
}

void initialize_mpi() {
  const LeaveAfter limit(kStartSeconds, kExitFailure,
                         fmt::format("MPI did not start within {} s", kStartSeconds));
  // At the start and the end, ranks that wait inside MPI yield their core to others between polls.
  // By default Open MPI does this only if mpirun knows that ranks share cores; srun never reports
  // it.
  setenv("OMPI_MCA_mpi_yield_when_idle", "1", /*overwrite=*/0);
  int provided = MPI_THREAD_SINGLE;
  GM_MPI_CHECK(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided));
  mpi_state.running = true;
  GM_MPI_CHECK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
  if (provided < MPI_THREAD_MULTIPLE) {
    throw Error("this MPI library does not support MPI_THREAD_MULTIPLE, which the watchdog needs");
  }
}

}  // namespace

World::World() : host_(host_name()) {
  const cpu_set_t cores = allowed_cores();
  threads_ = share_of_cores(cores, {cores});
  if (started_by_mpi_launcher()) {
    start_mpi();
  } else {
    require_launcher_and_mpi_agree(1);
    communicator_ = std::make_unique<SelfCommunicator>();
  }
  failure_communicator_ = communicator_->duplicate();
  set_log_rank(rank_, size_);
  set_threads();
}

void World::start_mpi() {
  initialize_mpi();
  communicator_ = std::make_unique<MpiCommunicator>(MPI_COMM_WORLD);
  rank_ = communicator_->rank();
  size_ = communicator_->size();
  mpi_state.rank = rank_;
  require_launcher_and_mpi_agree(size_);
  if (size_ > 1) rank_status_ = std::make_unique<RankStatus>(MPI_COMM_WORLD);

  MPI_Comm node;
  GM_MPI_CHECK(
      MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node));
  GM_MPI_CHECK(MPI_Comm_rank(node, &local_rank_));
  GM_MPI_CHECK(MPI_Comm_size(node, &local_size_));
  const cpu_set_t cores = allowed_cores();
  std::vector<cpu_set_t> on_node(static_cast<size_t>(local_size_));
  GM_MPI_CHECK(MPI_Allgather(&cores, sizeof(cores), MPI_BYTE, on_node.data(), sizeof(cores),
                             MPI_BYTE, node));
  GM_MPI_CHECK(MPI_Comm_free(&node));
  threads_ = share_of_cores(cores, on_node);
}

/// All ranks of a machine have the same settings, so only one of them warns.
void World::set_threads() {
  const ThreadCount chosen = choose_threads(threads_, most_threads());
  threads_ = chosen.threads;
  at::set_num_threads(threads_);
  shorten_openmp_spinning(threads_);
  if (rank_ == 0 && !chosen.warning.empty()) log_warning("{}", chosen.warning);
}

void World::use_device(at::Device device) {
  require_same_everywhere(*communicator_, "the kind of device",
                          c10::DeviceTypeName(device.type(), /*lower_case=*/true));
  device_ = device;
  device_collectives_ =
      device.is_cpu() ? nullptr : std::make_unique<HostCollectives>(*communicator_);
}

Collectives& World::collectives() {
  return device_collectives_ ? *device_collectives_ : *communicator_;
}

World::~World() {
  if (!mpi_state.running) return;
  const LeaveAfter limit =
      failed_everywhere_
          ? LeaveAfter(kFinishAfterFailureSeconds, *failed_everywhere_, "")
          : LeaveAfter(kFinishSeconds, kExitFailure, "the other ranks did not finish");
  MPI_Finalize();
  mpi_state.running = false;
}

bool World::all_ranks_fail(double patience_seconds) {
  const auto everyone = failure_communicator_->start_all_reduce_sum(at::ones({1}));
  RunningTime time;
  while (!everyone->poll()) {
    if (time.seconds() > patience_seconds) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

int World::fail(int status, std::string_view reason) {
  constexpr double kPatienceSeconds = 4;  // On a loaded machine ranks fail at different times.
  if (!all_ranks_fail(kPatienceSeconds)) end_world(status, reason);
  const std::vector<std::string> failures =
      failure_communicator_->all_gather_text(fmt::format("{} {}", status, reason));
  const std::string& mine = failures[static_cast<size_t>(rank_)];
  const bool alike = std::count(failures.begin(), failures.end(), mine) == size_;
  if (rank_ == 0 || mine != failures.front()) log_reason(status, reason);
  failed_everywhere_ = alike ? status : kExitFailure;
  return *failed_everywhere_;
}

void end_world(int status, std::string_view reason) {
  static std::atomic_flag ending;
  while (ending.test_and_set()) ::pause();  // Another thread of this process was first.
  // The following calls may wait forever, for a lock that a stuck thread holds or for a launcher
  // that cannot be reached. Then this rank exits alone.
  const LeaveAfter limit(kAbortSeconds, status, "");
  log_reason(status, reason);
  // Exiting alone is not enough: under srun the other ranks wait in their collectives forever, and
  // under mpirun an exit with status 0 or a hang of this rank is not noticed. MPI_Abort makes the
  // launcher kill all ranks and return the status.
  if (mpi_state.running) MPI_Abort(MPI_COMM_WORLD, status);
  ::_exit(status);
}

}  // namespace gm
