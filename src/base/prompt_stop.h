/// Ends a program that was asked to stop but does not get to where it would look.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace gm {

/// Signals that ask to stop (signals.h) are looked for between pieces of work. A start that waits
/// for a rank which never comes, for a file that does not open or for one long piece of work gets
/// to no such place. While nothing has to be saved, a thread of this object then calls `leave` with
/// the reason, `patience_seconds` after the signal: first those who look have time to leave in good
/// order.
class PromptStop {
 public:
  /// `leave` ends the process.
  explicit PromptStop(std::function<void(const std::string& reason)> leave,
                      double patience_seconds = 3);

 private:
  std::jthread thread_;
};

}  // namespace gm
