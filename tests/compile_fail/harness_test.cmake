# The harness itself: it must accept what is right and refuse, with a reason, what is not.
cmake_minimum_required(VERSION 3.25)

set(failures "")
function(harness outcome reason text)
  file(WRITE "${SCRATCH}/case.cpp" "${text}")
  execute_process(COMMAND ${CMAKE_COMMAND} -D "COMPILER_FILE=${COMPILER_FILE}" -D "SOURCE=${SCRATCH}/case.cpp" -P "${CHECK}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " output "${output}") # message() breaks lines where it likes
  set(got refuses)
  if(status EQUAL 0)
    set(got accepts)
  endif()
  if(NOT got STREQUAL outcome OR NOT output MATCHES "${reason}")
    set(failures ${failures} "the harness should: ${outcome} (${reason})\n${text}\nbut it ${got}:\n${output}" PARENT_SCOPE)
  endif()
endfunction()

set(good "#ifdef GOOD\nint main() {}\n#else\n")
set(sentence "static_assert(sizeof(int) == 0, \"a bolt needs a method process\");\n#endif\n")
harness(accepts "needs a method" "// expect: needs a method process\n${good}${sentence}")
harness(accepts "needs a method" "// expect: a bolt\n// expect: method process\n${good}${sentence}")
harness(refuses "must contain" "// expect: another sentence\n${good}${sentence}")
harness(refuses "must contain" "// expect: needs a method process\n${good}int n = \"text\";\n${sentence}")
harness(refuses "must fail" "// expect: needs a method process\n${good}#endif\n")
harness(refuses "good twin" "// expect: needs a method process\n#ifdef GOOD\n#endif\n${sentence}")
harness(refuses "no line" "${good}${sentence}")
harness(refuses "no '#ifdef GOOD'" "// expect: needs a method process\nint n = \"text\";\n")

if(failures)
  list(JOIN failures "\n" text)
  message(FATAL_ERROR "${text}")
endif()
