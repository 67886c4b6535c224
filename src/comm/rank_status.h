/// Messages between ranks that do not depend on their main threads: where each rank is when one is
/// late, and that one was asked to stop.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "comm/mpi_check.h"

namespace gm {

/// Questions and answers between ranks, independent of the MPI calls of their other threads. Used
/// by one thread of each rank.
class RankStatus {
 public:
  /// Duplicates `ranks`. Called by all ranks together.
  explicit RankStatus(MPI_Comm ranks);
  RankStatus(const RankStatus&) = delete;
  RankStatus& operator=(const RankStatus&) = delete;

  struct Outcome {
    std::map<int, std::string> answers;  ///< By rank; without the ranks that did not answer.
    std::optional<int> also_asked_by;    ///< The lowest rank that asked this one meanwhile.
  };

  /// Asks every other rank and waits up to `patience_seconds` for the answers. Meanwhile answers
  /// questions of other ranks with `active_sections`. Never blocks on a rank that has ended. If the
  /// whole job is suspended meanwhile, the time starts again when it continues.
  Outcome ask(std::string_view active_sections, double patience_seconds);

  /// Tells the other ranks, once, that this rank received a signal, and records the signals that
  /// they report. A rank that waits in a collective cannot report it from there. Returns
  /// immediately.
  void share_stop_signal();

  /// Answers every rank that asked with `active_sections()`. Returns immediately.
  void answer(const std::function<std::string()>& active_sections);

 private:
  std::optional<int> next_question();
  void send(int rank, int tag, std::string_view text);
  std::string receive(const MPI_Status& status);

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  bool told_of_signal_ = false;
};

}  // namespace gm
