# Unity builds: which sources are compiled together, and how often.
#
# The sources of a folder are compiled as one unit, so that the headers of LibTorch are read once per folder
# instead of once per source. So a name in an anonymous namespace must be unique in its folder. Sources that use
# no tensors form a separate unit, which does not need the precompiled header.
#
# Sources in folders named cpu/ contain kernels. They are compiled once for each instruction set, each time into
# a separate namespace (src/base/cpu/simd.h). base/kernel_set.h chooses one of the sets when a program starts.

set(GM_KERNEL_SETS portable)
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" gm_processor)
if(gm_processor MATCHES "^(x86_64|amd64)$")
  list(APPEND GM_KERNEL_SETS avx2 avx512)
endif()

# The sets that base/kernel_set.h chooses from.
list(TRANSFORM GM_KERNEL_SETS PREPEND "KernelSet::" OUTPUT_VARIABLE gm_set_names)
list(JOIN gm_set_names "," gm_set_names)
target_compile_definitions(gm_flags INTERFACE "GM_KERNEL_SETS=${gm_set_names}")

# gm_unite_sources(LIST MOST): replaces the sources in LIST by generated sources that include them. A unit has at
# most MOST sources, because all of them are compiled again when one changes.
function(gm_unite_sources list most)
  set(units "")
  foreach(source IN LISTS ${list})
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${source})
    cmake_path(GET path PARENT_PATH unit)
    if("/${path}" MATCHES "${GM_TORCH_FREE}")
      string(APPEND unit _plain)
    endif()
    string(REGEX REPLACE "^(src|tests)/" "" path ${path})  # A relative path, so that clones share cached results.
    list(APPEND units ${unit})
    list(APPEND ${unit}_paths ${path})
  endforeach()
  list(REMOVE_DUPLICATES units)

  set(result "")
  foreach(unit IN LISTS units)
    list(LENGTH ${unit}_paths count)
    math(EXPR parts "(${count} + ${most} - 1) / ${most}")
    foreach(part RANGE 1 ${parts})
      math(EXPR first "${count} * (${part} - 1) / ${parts}")
      math(EXPR length "${count} * ${part} / ${parts} - ${first}")
      list(SUBLIST ${unit}_paths ${first} ${length} paths)
      gm_generate_unit(files ${unit}_${part} "${paths}")
      list(APPEND result ${files})
    endforeach()
  endforeach()
  set(${list} ${result} PARENT_SCOPE)
endfunction()

# gm_generate_unit(RESULT UNIT PATHS): the source that includes PATHS, or one source for each kernel set.
function(gm_generate_unit result unit paths)
  list(TRANSFORM paths REPLACE ".+" "#include \"\\0\"\n")
  list(JOIN paths "" content)
  set(files "")
  if(unit MATCHES "/cpu(_plain)?_[0-9]+$")
    foreach(kernel_set IN LISTS GM_KERNEL_SETS)
      string(TOUPPER ${kernel_set} name)
      set(file ${CMAKE_BINARY_DIR}/units/${unit}_${kernel_set}.cpp)
      file(CONFIGURE OUTPUT ${file} CONTENT "#define GM_KERNELS_${name}\n${content}" @ONLY)
      list(APPEND files ${file})
    endforeach()
    if(unit MATCHES _plain)
      # Square roots compile to one instruction, because errno is not set for negative numbers. The precompiled
      # header is not compatible with this option.
      set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS -fno-math-errno)
    endif()
  else()
    set(files ${CMAKE_BINARY_DIR}/units/${unit}.cpp)
    file(CONFIGURE OUTPUT ${files} CONTENT "${content}" @ONLY)
  endif()
  if(unit MATCHES _plain)
    set_source_files_properties(${files} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
  set(${result} ${files} PARENT_SCOPE)
endfunction()
