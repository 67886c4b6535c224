/// Includes MPI, and checks every call: a failure names the call.
#pragma once

// The C++ bindings were removed from MPI in 2012; what Open MPI keeps of them causes warnings.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

namespace gm {

/// Throws Error with MPI's own description unless `code` is MPI_SUCCESS.
void check_mpi(int code, const char* call);

}  // namespace gm

/// Calls MPI and throws Error, with the expression, if it fails. This works because the world sets
/// MPI_ERRORS_RETURN; by default MPI kills the process without a reason.
#define GM_MPI_CHECK(call) ::gm::check_mpi((call), #call)
