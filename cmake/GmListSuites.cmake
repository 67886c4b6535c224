# Read by ctest: asks a gtest program for its suites and adds one test for each.
# Takes: program, launcher, suffix, labels, processors, environment.
set(listing "${program}.suites")
if(NOT EXISTS "${program}")
  get_filename_component(name "${program}" NAME)
  add_test("${name}${suffix}.is_built" "${program}")  # Fails, by name, instead of vanishing.
  return()
endif()
if("${program}" IS_NEWER_THAN "${listing}")
  execute_process(COMMAND "${program}" --gtest_list_tests OUTPUT_FILE "${listing}" RESULT_VARIABLE failed)
  if(failed)
    file(REMOVE "${listing}")
    get_filename_component(name "${program}" NAME)
    add_test("${name}${suffix}.lists_its_tests" "${program}" --gtest_list_tests)
    return()
  endif()
endif()
# A line that does not start with a space is a suite: "FilesTest." or "Sizes/UnetTest.  # TypeParam = ...".
file(STRINGS "${listing}" suites REGEX "^[A-Za-z0-9_/]+\\.")
foreach(line IN LISTS suites)
  string(REGEX REPLACE "\\..*" "" suite "${line}")
  add_test("${suite}${suffix}" ${launcher} "${program}" "--gtest_filter=${suite}.*" --gtest_brief=1)
  set_tests_properties("${suite}${suffix}" PROPERTIES
    LABELS "${labels}" PROCESSORS ${processors} ENVIRONMENT "${environment}" TIMEOUT 300)
endforeach()
