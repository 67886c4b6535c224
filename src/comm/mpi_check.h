/// MPI, and the one way to call it: every call is checked, and a failure names the call.
#pragma once

// The C++ bindings were removed from MPI in 2012; Open MPI's remains only bring warnings.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

namespace gm {

/// Throws Error with MPI's own description unless `code` is MPI_SUCCESS.
void check_mpi(int code, const char* call);

}  // namespace gm

/// Calls MPI and throws Error, with the expression, if it fails. Works because the world sets
/// MPI_ERRORS_RETURN; MPI's default is to kill the process without a word on why.
#define GM_MPI_CHECK(call) ::gm::check_mpi((call), #call)
