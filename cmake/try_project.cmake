# cmake -D SOURCE=<folder> -D BINARY=<folder> -D OPTIONS=<-D...;...> [-D BUILD_ONLY=ON] [-D TARGETS=<name;...>] -P try_project.cmake
#
# Configures, builds and tests another project from scratch, as its owner would. Used by tests whose subject is exactly
# that: the package, the examples alone, the README.
cmake_minimum_required(VERSION 3.25)

function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message("${output}")
    message(FATAL_ERROR "${SOURCE}: ${what} failed, see above")
  endif()
endfunction()

file(REMOVE_RECURSE "${BINARY}")
run("configuring" ${CMAKE_COMMAND} -S "${SOURCE}" -B "${BINARY}" ${OPTIONS})
if(TARGETS)
  list(PREPEND TARGETS --target)
endif()
run("building" ${CMAKE_COMMAND} --build "${BINARY}" --parallel 2 ${TARGETS})
if(NOT BUILD_ONLY)
  run("running its tests" ${CMAKE_CTEST_COMMAND} --test-dir "${BINARY}" --output-on-failure --no-tests=error)
endif()
