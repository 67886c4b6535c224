/// Settings of the C library's memory allocator for a training loop.
#pragma once

namespace gm {

/// Makes the process keep the memory that it frees. By default glibc returns large blocks to the
/// kernel immediately. A training step allocates the same blocks again and again, so the page
/// faults repeat and cost a third of its CPU time. Call this first in main. Does nothing with
/// another C library.
void tune_allocator();

}  // namespace gm
