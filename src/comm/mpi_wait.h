/// How a rank waits for the others without keeping a core busy that somebody else needs.
#pragma once

#include <span>

#include "comm/mpi_check.h"

namespace gm {

/// Returns once all `requests` are complete; they are MPI_REQUEST_NULL then. Throws Error.
///
/// MPI's own waiting calls poll without a pause. Where ranks share a core, with each other or with
/// another program, the rank that waits then takes the time that the rank it waits for needs. Here
/// a rank polls for about as long as a message takes between ranks that are level, and sleeps
/// between its looks from then on.
void wait_for_all(std::span<MPI_Request> requests);

}  // namespace gm
