/// What the ranks tell each other beside whatever their main threads do: where they are, when one
/// is late, and that one was asked to stop.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "comm/mpi_check.h"

namespace gm {

/// Questions and answers between ranks, beside whatever their other threads do in MPI. Used by one
/// thread of each rank.
class RankStatus {
 public:
  /// Makes a communicator of its own of the same ranks as `ranks`. All of them call this together.
  explicit RankStatus(MPI_Comm ranks);
  RankStatus(const RankStatus&) = delete;
  RankStatus& operator=(const RankStatus&) = delete;

  struct Outcome {
    std::map<int, std::string> answers;  ///< By rank; without the ranks that said nothing.
    std::optional<int> also_asked_by;    ///< The lowest rank that asked this one meanwhile.
  };

  /// Asks every other rank and waits up to `patience_seconds` for the answers, answering itself
  /// with `active_sections` if it is asked. Never blocks on a rank that is gone. Where the whole
  /// job is suspended meanwhile, the others get the same time again when it is continued.
  Outcome ask(std::string_view active_sections, double patience_seconds);

  /// Tells the other ranks of a signal that came to this one, once, and notes those that they tell
  /// of: a rank that waits in a collective cannot say so itself. Returns at once.
  void share_stop_signal();

  /// Answers with `active_sections()` whoever asked. Returns at once.
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
