# freshet_add_try_project_test(name SOURCE folder [OPTIONS -D...] [LABELS label] [FIXTURE name] [TIMEOUT seconds] [BUILD_ONLY]
#                              [TARGETS name...])
#
# A test that configures, builds and tests another project with our compiler, build type and sanitizers.
function(freshet_add_try_project_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "BUILD_ONLY" "SOURCE;LABELS;FIXTURE;TIMEOUT" "OPTIONS;TARGETS")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  string(JOIN " " flags ${CMAKE_CXX_FLAGS} ${freshet_sanitize_flags})
  set(options
    "-G${CMAKE_GENERATOR}"
    "-DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}"
    "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
    "-DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}"
    "-DCMAKE_CXX_FLAGS=${flags}"
    ${arg_OPTIONS})
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND}
    -D "SOURCE=${arg_SOURCE}" -D "BINARY=${CMAKE_CURRENT_BINARY_DIR}/${name}" -D "OPTIONS=${options}"
    -D "BUILD_ONLY=${arg_BUILD_ONLY}" -D "TARGETS=${arg_TARGETS}" -D "CMAKE_CTEST_COMMAND=${CMAKE_CTEST_COMMAND}"
    -P "${PROJECT_SOURCE_DIR}/cmake/try_project.cmake")
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT})
  if(arg_FIXTURE)
    set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED ${arg_FIXTURE})
  endif()
endfunction()
