#include "comm/mpi_check.h"

#include <array>
#include <string_view>

#include "base/error.h"

namespace gm {

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw Error("{} failed: {}", call, std::string_view(text.data(), static_cast<size_t>(length)));
}

}  // namespace gm
