#include "comm/on_rank_zero.h"

#include <fmt/format.h>

#include "base/error.h"
#include "comm/communicator.h"

namespace gm {
namespace {

/// The outcome of `act` as text: one character with the exit status, then its text or message.
std::string outcome_of(const std::function<std::string()>& act) {
  const auto outcome = [](ExitStatus status, std::string_view text) {
    return static_cast<char>(status) + std::string(text);
  };
  try {
    return outcome(kExitDone, act());
  } catch (const InputError& error) {
    return outcome(kExitInputWrong, error.what());
  } catch (const StopRequested& stop) {
    return outcome(kExitRetry, stop.what());
  } catch (const std::exception& error) {
    return outcome(kExitFailure, error.what());
  }
}

}  // namespace

std::string text_from_rank_zero(Communicator& communicator,
                                const std::function<std::string()>& act) {
  const std::string outcome =
      communicator.broadcast_text(communicator.rank() == 0 ? outcome_of(act) : "", 0);
  const std::string text = outcome.substr(1);
  switch (outcome.front()) {
    case kExitDone:
      return text;
    case kExitInputWrong:
      throw InputError("{}", text);
    case kExitRetry:
      throw StopRequested("{}", text);
    default:
      throw Error("{}", text);
  }
}

void on_rank_zero(Communicator& communicator, const std::function<void()>& act) {
  text_from_rank_zero(communicator, [&] {
    act();
    return std::string();
  });
}

}  // namespace gm
