#include "comm/rank_status.h"

#include <chrono>
#include <thread>
#include <utility>

#include "base/running_time.h"
#include "base/signals.h"

namespace gm {
namespace {

constexpr int kQuestion = 1;
constexpr int kAnswer = 2;
constexpr int kStop = 3;
/// Short enough for MPI to send without waiting for the receiver.
constexpr size_t kMaxAnswerBytes = 1000;

std::optional<MPI_Status> waiting_message(MPI_Comm comm, int tag) {
  int there = 0;
  MPI_Status status;
  GM_MPI_CHECK(MPI_Iprobe(MPI_ANY_SOURCE, tag, comm, &there, &status));
  return there != 0 ? std::optional(status) : std::nullopt;
}

}  // namespace

RankStatus::RankStatus(MPI_Comm ranks) {
  GM_MPI_CHECK(MPI_Comm_dup(ranks, &comm_));
  GM_MPI_CHECK(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN));
  GM_MPI_CHECK(MPI_Comm_rank(comm_, &rank_));
  GM_MPI_CHECK(MPI_Comm_size(comm_, &size_));
}

RankStatus::Outcome RankStatus::ask(std::string_view active_sections, double patience_seconds) {
  for (int rank = 0; rank < size_; ++rank) {
    if (rank != rank_) send(rank, kQuestion, "");
  }
  Outcome outcome;
  RunningTime time;
  while (std::ssize(outcome.answers) < size_ - 1 &&
         time.seconds_since_continued() < patience_seconds) {
    while (const auto asker = next_question()) {
      send(*asker, kAnswer, active_sections);
      outcome.also_asked_by = std::min(outcome.also_asked_by.value_or(*asker), *asker);
    }
    while (const auto status = waiting_message(comm_, kAnswer)) {
      outcome.answers[status->MPI_SOURCE] = receive(*status);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return outcome;
}

void RankStatus::answer(const std::function<std::string()>& active_sections) {
  while (const auto asker = next_question()) send(*asker, kAnswer, active_sections());
}

void RankStatus::share_stop_signal() {
  while (const auto status = waiting_message(comm_, kStop)) {
    record_stop_signal(std::stoi(receive(*status)));
    told_of_signal_ = true;  // by the rank that received it
  }
  const auto signal = stop_signal();
  if (!signal || std::exchange(told_of_signal_, true)) return;
  for (int rank = 0; rank < size_; ++rank) {
    if (rank != rank_) send(rank, kStop, std::to_string(*signal));
  }
}

std::optional<int> RankStatus::next_question() {
  const auto status = waiting_message(comm_, kQuestion);
  if (!status) return std::nullopt;
  receive(*status);
  return status->MPI_SOURCE;
}

void RankStatus::send(int rank, int tag, std::string_view text) {
  // Does not wait until the message is sent: the receiver may never take it, and the world is about
  // to end. So the bytes are never freed.
  const auto* kept = new std::string(text.substr(0, kMaxAnswerBytes));
  MPI_Request request;
  GM_MPI_CHECK(MPI_Isend(kept->data(), static_cast<int>(kept->size()), MPI_BYTE, rank, tag, comm_,
                         &request));
  GM_MPI_CHECK(MPI_Request_free(&request));
}

std::string RankStatus::receive(const MPI_Status& status) {
  std::string text(kMaxAnswerBytes, '\0');
  MPI_Status received;
  int bytes = 0;
  GM_MPI_CHECK(MPI_Recv(text.data(), static_cast<int>(text.size()), MPI_BYTE, status.MPI_SOURCE,
                        status.MPI_TAG, comm_, &received));
  GM_MPI_CHECK(MPI_Get_count(&received, MPI_BYTE, &bytes));
  text.resize(static_cast<size_t>(bytes));
  return text;
}

}  // namespace gm
