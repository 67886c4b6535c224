#include "base/end_process.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace gm {

void end_process(int status) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::exit(status);  // sanitizers report at a regular exit
#else
  std::cout.flush();
  std::fflush(nullptr);
  std::_Exit(status);
#endif
}

}  // namespace gm
