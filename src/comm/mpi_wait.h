/// Waits for other ranks without occupying a core that another process needs.
#pragma once

#include <span>

#include "comm/mpi_check.h"

namespace gm {

/// Returns once all `requests` are complete; they are MPI_REQUEST_NULL then. Throws Error.
///
/// MPI's own waiting calls poll without a pause. If ranks share a core, with each other or with
/// another program, a waiting rank takes the time that the rank it waits for needs. This function
/// polls for about as long as a message takes between ranks that wait at the same time, and then
/// sleeps between polls.
void wait_for_all(std::span<MPI_Request> requests);

}  // namespace gm
