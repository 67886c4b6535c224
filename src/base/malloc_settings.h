/// Settings of the C library's memory allocator that fit a training loop.
#pragma once

namespace gm {

/// Lets the process keep the memory that it frees. By default glibc gives big blocks back to the
/// kernel at once, and a training step, which asks for the same blocks again and again, pays the
/// page faults anew each time: a third of its CPU time. Call it first thing in main. Does nothing
/// with another C library.
void tune_allocator();

}  // namespace gm
