# Sources in folders cpu/ hold kernels: each is compiled once for each instruction set, into namespaces of
# their own (src/base/cpu/simd.h), and base/kernel_set.h chooses one of the sets when a program starts.

set(GM_KERNEL_SETS portable)
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" gm_processor)
if(gm_processor MATCHES "^(x86_64|amd64)$")
  list(APPEND GM_KERNEL_SETS avx2 avx512)
endif()

# What base/kernel_set.h may choose from.
list(TRANSFORM GM_KERNEL_SETS PREPEND "KernelSet::" OUTPUT_VARIABLE gm_set_names)
list(JOIN gm_set_names "," gm_set_names)
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/base/kernel_set.cpp PROPERTIES
  COMPILE_DEFINITIONS "GM_KERNEL_SETS=${gm_set_names}")

# gm_kernel_sources(LIST): replaces the sources with kernels in LIST by one small source for each set, which
# names the set and includes them.
function(gm_kernel_sources list)
  set(result "")
  foreach(source IN LISTS ${list})
    if(NOT source MATCHES "/cpu/[^/]*$")
      list(APPEND result ${source})
      continue()
    endif()
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${source})
    string(REGEX REPLACE "^(src|tests)/" "" included ${path})  # no absolute path: clones share ccache's results
    foreach(kernel_set IN LISTS GM_KERNEL_SETS)
      string(TOUPPER ${kernel_set} name)
      set(copy ${CMAKE_BINARY_DIR}/kernels/${kernel_set}/${path})
      file(CONFIGURE OUTPUT ${copy} CONTENT "#define GM_KERNELS_${name}\n#include \"${included}\"\n" @ONLY)
      # The machine's own square root, without the C library's word on negative numbers. The precompiled
      # header does not fit this option.
      if("/${path}" MATCHES "${GM_TORCH_FREE}")
        set_source_files_properties(${copy} PROPERTIES COMPILE_OPTIONS -fno-math-errno)
      endif()
      list(APPEND result ${copy})
    endforeach()
  endforeach()
  set(${list} ${result} PARENT_SCOPE)
endfunction()
