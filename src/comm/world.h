/// The processes that train together: how many, which one this is, and how the world ends.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gm {

class Communicator;
class RankStatus;

/// All processes of this run, as one of them sees it. One object for each process, made first and
/// destroyed last.
///
/// MPI is started only when a launcher (mpirun, srun --mpi=pmix) started this process. Without one
/// this is a world of one, which is no special case for anyone else; starting MPI there would cost
/// 0.4 s and a daemon.
class World {
 public:
  /// Under a launcher: starts MPI for use from any thread (MPI_THREAD_MULTIPLE), so every rank has
  /// to come here. Sets the number of threads of LibTorch's operators and the rank of the log.
  /// Throws InputError when the launcher and the MPI library do not understand each other, which
  /// would otherwise give N worlds of one that overwrite each other's files.
  World();
  /// Finishes MPI. Waits for the other ranks.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// 0 .. size() - 1.
  int rank() const { return rank_; }
  int size() const { return size_; }
  /// Rank among the processes on this node, and how many those are. From MPI, because the
  /// launchers' variables are wrong in some combinations.
  int local_rank() const { return local_rank_; }
  int local_size() const { return local_size_; }
  /// Name of this node.
  const std::string& host() const { return host_; }
  /// Threads for this rank's operators: OMP_NUM_THREADS if set, else the cores that this process
  /// may use, shared with the ranks of the node that may use the same ones (base/thread_count.h).
  int threads() const { return threads_; }

  /// The communicator of all ranks. Belongs to the world.
  Communicator& communicator() { return *communicator_; }
  /// How the watchdogs of the ranks ask each other where they are. Null in a world of one.
  RankStatus* rank_status() { return rank_status_.get(); }

  /// For a rank on which an exception escaped: says `reason` as end_world() does, and returns the
  /// exit status for it to leave with if every other rank comes here within four seconds. That is
  /// so when all of them read the same wrong configuration; the reason is then said once for all
  /// ranks that have the same one, and the status is `status`, or kExitFailure if the ranks differ.
  /// Otherwise ends the world: the others would wait for this rank in a collective.
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
  std::optional<int> failed_everywhere_;  ///< The status that all ranks leave with.
  std::string host_;
  std::unique_ptr<Communicator> communicator_;
  std::unique_ptr<Communicator> failure_communicator_;
  std::unique_ptr<RankStatus> rank_status_;
};

/// Ends every process of this world, now, with exit status `status`: mpirun and srun return it.
/// `reason` becomes the last line on stderr, as `gm_train: [rank 2] reason`. (mpirun adds lines of
/// its own to any status but 0, unless it is called with --quiet.) May be called from any thread.
[[noreturn]] void end_world(int status, std::string_view reason);

}  // namespace gm
