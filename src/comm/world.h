/// The processes that train together: how many, which one this is, and how the world ends.
#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gm {

class Collectives;
class Communicator;
class RankStatus;

/// All processes of this run, seen from one of them. One object for each process, created first and
/// destroyed last.
///
/// MPI is started only if a launcher (mpirun, srun --mpi=pmix) started this process. Otherwise this
/// is a world of one, which other code need not treat specially; starting MPI there would cost 0.4
/// s and a daemon.
class World {
 public:
  /// Under a launcher: starts MPI for use from any thread (MPI_THREAD_MULTIPLE), so every rank must
  /// call this. Sets the number of threads of LibTorch's operators and the rank of the log. Throws
  /// InputError if the launcher and the MPI library are not compatible. Otherwise there would be N
  /// worlds of one that overwrite each other's files.
  World();
  /// Finishes MPI. Waits for the other ranks.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// 0 .. size() - 1.
  int rank() const { return rank_; }
  int size() const { return size_; }
  /// Rank among the processes on this node, and the number of these processes. From MPI, because
  /// the launchers' variables are wrong with some combinations of launcher and MPI library.
  int local_rank() const { return local_rank_; }
  int local_size() const { return local_size_; }
  /// Name of this node.
  const std::string& host() const { return host_; }
  /// Threads for this rank's operators: OMP_NUM_THREADS if set, else the cores that this process
  /// may use, shared with the ranks of the node that may use the same ones (base/thread_count.h).
  int threads() const { return threads_; }

  /// Where this rank computes; the CPU until use_device() is called.
  at::Device device() const { return device_; }
  /// Chooses the device of this rank. Throws InputError on every rank if it is not of the same kind
  /// on all of them. Called by all ranks together, before anything is created on the device.
  void use_device(at::Device device);

  /// The communicator of all ranks, for host values. Belongs to the world.
  Communicator& communicator() { return *communicator_; }
  /// The collective operations of all ranks on tensors of device(). Belong to the world.
  Collectives& collectives();
  /// Lets the watchdogs of the ranks ask each other where they are. Null in a world of one.
  RankStatus* rank_status() { return rank_status_.get(); }

  /// Called on a rank from which an exception escaped. If every other rank calls it within four
  /// seconds, for example because all of them read the same wrong configuration, returns the exit
  /// status for this rank. The reason is then printed once for all ranks that have the same reason
  /// as rank 0. The status is `status`, or kExitFailure if the ranks differ. If some rank does not
  /// call it, ends the world as end_world() does, because that rank would wait for this one in a
  /// collective.
  int fail(int status, std::string_view reason);

 private:
  void start_mpi();
  void set_threads();
  bool all_ranks_fail(double patience_seconds);

  int rank_ = 0;
  int size_ = 1;
  int local_rank_ = 0;
  int local_size_ = 1;
  int threads_ = 1;
  at::Device device_ = at::kCPU;
  std::optional<int> failed_everywhere_;  ///< The status that all ranks leave with.
  std::string host_;
  std::unique_ptr<Communicator> communicator_;
  std::unique_ptr<Communicator> failure_communicator_;
  std::unique_ptr<Collectives> device_collectives_;  ///< Null on the CPU.
  std::unique_ptr<RankStatus> rank_status_;
};

/// Ends every process of this world immediately with exit status `status`; mpirun and srun return
/// it. `reason` becomes the last line on stderr, as `gm_train: [rank 2] reason`. (mpirun adds its
/// own lines to any status but 0, unless it is called with --quiet.) May be called from any thread.
[[noreturn]] void end_world(int status, std::string_view reason);

}  // namespace gm
