# Test programs and their registration with ctest: one entry per gtest suite. gtest_discover_tests adds one
# entry per test, which would load LibTorch hundreds of times.

set(gm_test_environment OMP_NUM_THREADS=1 GM_BIN_DIR=${CMAKE_BINARY_DIR}/bin
  GM_SOURCE_DIR=${CMAKE_SOURCE_DIR})
cmake_path(SET gm_shared_data NORMALIZE ${CMAKE_SOURCE_DIR}/../shared/data)
if(EXISTS ${gm_shared_data})
  list(APPEND gm_test_environment GM_SHARED_DATA=${gm_shared_data})
endif()
set(gm_mpi_environment OMPI_MCA_rmaps_base_oversubscribe=1
  OMPI_MCA_odls_base_sigkill_timeout=0)  # mpirun does not wait for two seconds when a rank was killed
execute_process(COMMAND id -u OUTPUT_VARIABLE gm_user OUTPUT_STRIP_TRAILING_WHITESPACE)
if(gm_user EQUAL 0)
  list(APPEND gm_mpi_environment OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
endif()
list(APPEND gm_test_environment ${gm_mpi_environment})
if(GM_SANITIZE)
  set(gm_suppressions ${CMAKE_SOURCE_DIR}/tests/sanitizers)
  list(APPEND gm_test_environment
    ASAN_OPTIONS=detect_container_overflow=0  # Vectors are passed to libraries that are not instrumented.
    LSAN_OPTIONS=suppressions=${gm_suppressions}/leaks.txt:print_suppressions=0
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    TSAN_OPTIONS=suppressions=${gm_suppressions}/threads.txt:ignore_noninstrumented_modules=1)
endif()

# gm_test_program(NAME FOLDER LIBRARIES...): a gtest program from all sources in tests/FOLDER.
function(gm_test_program name folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  gm_unite_sources(sources 6)
  add_executable(${name} ${sources})
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)  # Compiles faster. The tests spend their time in gm.
  target_link_libraries(${name} PRIVATE gm ${ARGN})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE GM_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/${folder}")
  gm_reuse_precompiled_torch(${name})
endfunction()

# gm_test_suites(PROGRAM LABEL label): one ctest entry per suite of PROGRAM.
function(gm_test_suites program)
  cmake_parse_arguments(arg "" "LABEL" "" ${ARGN})
  if(NOT TARGET ${program})
    return()
  endif()
  set(environment ${gm_test_environment})
  set(program_file $<TARGET_FILE:${program}>)
  set(label ${arg_LABEL})
  set(list_file ${CMAKE_CURRENT_BINARY_DIR}/${program}.cmake)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/GmSuites.cmake.in ${list_file}.in @ONLY)
  file(GENERATE OUTPUT ${list_file} INPUT ${list_file}.in)
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list_file})
endfunction()

# gm_test_ranks(PROGRAM LABEL label RANKS n): one ctest entry for all suites of PROGRAM under mpirun with n ranks. Starting
# the ranks takes longer than most suites.
function(gm_test_ranks program)
  cmake_parse_arguments(arg "" "LABEL;RANKS" "" ${ARGN})
  if(NOT TARGET ${program})
    return()
  endif()
  set(environment ${gm_test_environment} GM_TEST_RANKS=${arg_RANKS})
  if(GM_SANITIZE)
    # Open MPI unloads its plug-ins before the leak check. Their leaks have no names, so they cannot be suppressed.
    list(APPEND environment ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=0)
  endif()
  set(name ${program}.ranks${arg_RANKS})
  gm_test_command(${name} LABEL ${arg_LABEL} COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none
    -n ${arg_RANKS} $<TARGET_FILE:${program}> --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES
    PROCESSORS ${arg_RANKS} ENVIRONMENT "${environment}" FAIL_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()

# gm_test_command(NAME LABEL label COMMAND command...): one ctest entry for a script.
function(gm_test_command name)
  cmake_parse_arguments(arg "" "LABEL" "COMMAND" ${ARGN})
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  set_tests_properties(${name} PROPERTIES
    LABELS ${arg_LABEL} ENVIRONMENT "${gm_test_environment}" TIMEOUT 600)
endfunction()
