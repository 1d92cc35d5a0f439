# cmake -D COMPILER=g++ -D ROOT=<project> -D "INCLUDE=folder;folder" -P compile_time.cmake
#
# Prints how long a user's word count takes to compile (-O0, to an object file), as a multiple of its standard headers with
# Boost.PFR. The target is 2.5. Times are those of the compiler alone, the best of RUNS (default 5), taken in turns so that
# a busy moment hits both; nothing fails when the target is missed, as a loaded machine proves nothing.
cmake_minimum_required(VERSION 3.25)

if(NOT DEFINED RUNS)
  set(RUNS 5)
endif()
if(NOT DEFINED COMPILER)
  set(COMPILER c++)
endif()
if(NOT DEFINED SCRATCH)
  set(SCRATCH "${CMAKE_CURRENT_BINARY_DIR}")
endif()
set(flags -std=c++20 -O0 "-I${ROOT}/include")
foreach(folder IN LISTS INCLUDE)
  list(APPEND flags "-isystem${folder}")
endforeach()

# Microseconds of one compilation; the best so far stays in best_<name>.
function(measure name)
  string(TIMESTAMP began "%s%f")
  execute_process(COMMAND ${COMPILER} ${flags} -c "${ROOT}/bench/compile_time/${name}.cpp" -o "${SCRATCH}/${name}.o"
    RESULT_VARIABLE status ERROR_VARIABLE errors)
  string(TIMESTAMP ended "%s%f")
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${name}.cpp does not compile:\n${errors}")
  endif()
  file(REMOVE "${SCRATCH}/${name}.o")
  math(EXPR took "${ended} - ${began}")
  if(NOT DEFINED best_${name} OR took LESS best_${name})
    set(best_${name} ${took} PARENT_SCOPE)
  endif()
endfunction()

foreach(run RANGE 1 ${RUNS})
  measure(standard_headers)
  measure(word_count)
endforeach()
math(EXPR percent "${best_word_count} * 100 / ${best_standard_headers}")
math(EXPR whole "${percent} / 100")
math(EXPR part "100 + ${percent} % 100")
string(SUBSTRING ${part} 1 2 part)
math(EXPR headers_ms "${best_standard_headers} / 1000")
math(EXPR words_ms "${best_word_count} / 1000")
message(STATUS "compile time: word count ${words_ms} ms, its standard headers with PFR ${headers_ms} ms, "
  "ratio ${whole}.${part} (target 2.50)")
