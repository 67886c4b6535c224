# Compiler settings: warnings, sanitizers, ccache and the precompiled header.

set(CMAKE_COMPILE_WARNING_AS_ERROR ON)

# All code is compiled with the same position-independent option, so that the library, the programs and
# the tests can share one precompiled header.
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
add_library(gm_flags INTERFACE)
target_compile_options(gm_flags INTERFACE -fPIC)
target_compile_options(gm_flags INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wformat=2)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)  # base/cpu/simd.h compares a kernel set with itself.
  target_compile_options(gm_flags INTERFACE -Wno-tautological-compare)
else()  # GCC treats the sources that a unit includes (GmUnits.cmake) as headers.
  target_compile_options(gm_flags INTERFACE -Wno-subobject-linkage)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")

if(GM_SANITIZE)
  # The vptr check needs type information that LibTorch hides.
  target_compile_options(gm_flags INTERFACE
    -fsanitize=${GM_SANITIZE} -fno-sanitize=vptr -fno-omit-frame-pointer)
  target_link_options(gm_flags INTERFACE -fsanitize=${GM_SANITIZE})
endif()

# ccache: with relative paths, clones in different folders share cached results. ccache requires this
# sloppiness for precompiled headers.
find_program(GM_CCACHE ccache)
if(GM_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${GM_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(gm_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

# Only system headers, so that the precompiled header does not depend on the folder of the clone.
set(GM_PRECOMPILED_HEADERS
  <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <optional> <span>
  <string> <string_view> <utility> <vector>
  <fmt/format.h> <ATen/ATen.h> <ATen/Parallel.h> <torch/nn/module.h>)

# Sources that use no tensors. They do not need the precompiled header of LibTorch.
set(GM_TORCH_FREE "/(base|config|report|telemetry)/|/train/cpu/|/ops/cpu/(gemm|winograd|direct_convolution)|/data/(pack/|pack_folder|hdf5|image_[dm]|class_names|mask_|shard_order)|/image/(decode|fit|image_[ks]|jpeg|orientation|png|resize|bitmap|cpu/)")

function(gm_precompile_torch target)
  target_precompile_headers(${target} PRIVATE ${GM_PRECOMPILED_HEADERS})
endfunction()

# Reuses the precompiled header of the library, for a target with the same flags.
function(gm_reuse_precompiled_torch target)
  target_precompile_headers(${target} REUSE_FROM gm)
endfunction()
