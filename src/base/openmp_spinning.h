/// Makes idle OpenMP threads release their cores.
#pragma once

namespace gm {

/// Makes waiting OpenMP threads sleep almost immediately, in parallel regions of `threads` threads.
/// Called once, before the first of these regions.
///
/// In GCC's runtime a thread that waits at the end of a region, or for the next one, first spins
/// for some milliseconds. On a core that another program also needs, this takes time from the
/// thread that it waits for: with as many other busy programs as cores, training runs at 0.05 of
/// its speed instead of about half. The runtime spins only briefly if it manages more threads than
/// the process has cores (libgomp's manual, GOMP_SPINCOUNT). So this starts a team of threads that
/// only need to be counted; they sleep and use no CPU time. GOMP_SPINCOUNT itself cannot be set
/// from here, because it is read before main().
///
/// Does nothing if the user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY, with one thread, or with
/// more than 64 cores that no thread of this process uses.
void shorten_openmp_spinning(int threads);

}  // namespace gm
