#include "base/kernel_set.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace gm {
namespace {

/// ATen, and the sets that the build compiled the kernels for (cmake/GmUnits.cmake).
constexpr std::array kSets = {KernelSet::aten, GM_KERNEL_SETS};

/// Whether this machine supports the instructions.
bool runs_here(KernelSet set) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  switch (set) {
    case KernelSet::avx512:
      return has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    case KernelSet::avx2:
      return has_avx2;
    case KernelSet::portable:
    case KernelSet::aten:
      break;
  }
#endif
  return set == KernelSet::portable || set == KernelSet::aten;
}

std::string_view wanted_kernel_set() {
  const char* wanted = std::getenv("GM_KERNELS");
  return wanted ? wanted : "";
}

/// For static initialization, where exceptions cannot be caught.
KernelSet wanted_or_best() {
  const auto wanted = std::find_if(kSets.begin(), kSets.end(), [](KernelSet set) {
    return name_of(set) == wanted_kernel_set() && is_available(set);
  });
  return wanted != kSets.end() ? *wanted : best_kernel_set();
}

}  // namespace

std::string_view name_of(KernelSet set) {
  switch (set) {
    case KernelSet::avx512:
      return "avx512";
    case KernelSet::avx2:
      return "avx2";
    case KernelSet::portable:
      return "portable";
    case KernelSet::aten:
      break;
  }
  return "aten";
}

bool is_available(KernelSet set) {
  return std::find(kSets.begin(), kSets.end(), set) != kSets.end() && runs_here(set);
}

KernelSet best_kernel_set() { return *std::find_if(kSets.rbegin(), kSets.rend(), is_available); }

KernelSet choose_kernel_set(std::string_view wanted) {
  if (wanted.empty()) return best_kernel_set();
  std::vector<std::string_view> available;
  for (const KernelSet set : kSets) {
    if (!is_available(set)) continue;
    if (name_of(set) == wanted) return set;
    available.push_back(name_of(set));
  }
  throw InputError("GM_KERNELS=\"{}\": this machine supports {}", wanted,
                   fmt::join(available, ", "));
}

KernelSet kernel_set() {
  static const KernelSet chosen = wanted_or_best();
  return chosen;
}

void require_wanted_kernel_set() { choose_kernel_set(wanted_kernel_set()); }

}  // namespace gm
