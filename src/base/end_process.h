/// Ends a program without the destructors of static objects.
#pragma once

namespace gm {

/// Flushes the standard streams and ends the process with `status`.
///
/// LibTorch's static destructors take 0.2 s: they remove thousands of operators from tables
/// whose memory is freed anyway. Call this after all objects with an effect outside of the process
/// (files, MPI) are destroyed.
[[noreturn]] void end_process(int status);

}  // namespace gm
