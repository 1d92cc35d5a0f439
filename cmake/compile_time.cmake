# cmake -D COMPILER=g++ -D ROOT=<project> -D "INCLUDE=folder;folder" -P compile_time.cmake
#
# Prints how long a user's word count takes to compile (-O0, to an object file), as a multiple of its standard headers with
# Boost.PFR. The target is 2.5. Times are the processor's, the best of RUNS (default 3), taken in turns so that a busy
# moment hits both; nothing fails when the target is missed, as a loaded machine proves nothing.
cmake_minimum_required(VERSION 3.25)

if(NOT DEFINED RUNS)
  set(RUNS 3)
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

# Milliseconds of processor time of one compilation; the best so far stays in best_<name>.
function(measure name)
  list(JOIN flags "' '" quoted)
  set(command "'${COMPILER}' '${quoted}' -c '${ROOT}/bench/compile_time/${name}.cpp' -o '${SCRATCH}/${name}.o'")
  execute_process(COMMAND sh -c "${command} && times"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${name}.cpp does not compile:\n${errors}")
  endif()
  file(REMOVE "${SCRATCH}/${name}.o")
  # `times` says what the shell used, and on its second line what its children did: user, then system, as 0m1.230000s.
  string(REGEX MATCH "\n([0-9]+)m([0-9]+)\\.([0-9]+)s +([0-9]+)m([0-9]+)\\.([0-9]+)s" found "${output}")
  set(user "${CMAKE_MATCH_3}000")
  set(system "${CMAKE_MATCH_6}000")
  string(SUBSTRING "1${user}" 0 4 user)
  string(SUBSTRING "1${system}" 0 4 system)
  math(EXPR seconds "(${CMAKE_MATCH_1} + ${CMAKE_MATCH_4}) * 60 + ${CMAKE_MATCH_2} + ${CMAKE_MATCH_5}")
  math(EXPR took "${seconds} * 1000 + ${user} + ${system} - 2000")
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
message(STATUS "compile time: word count ${best_word_count} ms, its standard headers with PFR ${best_standard_headers} ms, "
  "ratio ${whole}.${part} (target 2.50)")
