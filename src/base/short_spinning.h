/// Threads of OpenMP that have nothing to do leave their core to others.
#pragma once

namespace gm {

/// Makes OpenMP's threads sleep almost at once when they wait, for parallel regions of `threads`
/// threads. Called once, before the first of these regions.
///
/// GCC's runtime lets a thread that waits at the end of a region, or for the next one, spin for
/// some milliseconds first. On a core that another program needs as well, this is time that the
/// thread it waits for does not get: beside as many busy programs as cores, training then runs at
/// 0.05 of its speed instead of about half. The runtime spins shortly by itself where it manages
/// more threads than the process has cores (libgomp's manual, GOMP_SPINCOUNT). So this starts a
/// team that does nothing but be counted: asleep, it costs no time. The variable for the same end
/// cannot be set from here: it is read before main().
///
/// Nothing happens where the user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY, with one thread, or
/// with more than 64 cores that no thread of this process uses.
void shorten_openmp_spinning(int threads);

}  // namespace gm
