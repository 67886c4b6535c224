#include "comm/on_rank_zero.h"

#include "base/error.h"
#include "comm/communicator.h"

namespace gm {
namespace {

// The first character of what rank 0 tells the others.
constexpr char kDone = '0', kInputWrong = '2', kFailed = '1';

std::string outcome_of(const std::function<std::string()>& act) {
  try {
    return kDone + act();
  } catch (const InputError& error) {
    return kInputWrong + std::string(error.what());
  } catch (const std::exception& error) {
    return kFailed + std::string(error.what());
  }
}

}  // namespace

std::string on_rank_zero(Communicator& communicator, const std::function<std::string()>& act) {
  const std::string outcome =
      communicator.broadcast_text(communicator.rank() == 0 ? outcome_of(act) : "", 0);
  const std::string text = outcome.substr(1);
  if (outcome.front() == kInputWrong) throw InputError("{}", text);
  if (outcome.front() == kFailed) throw Error("{}", text);
  return text;
}

}  // namespace gm
