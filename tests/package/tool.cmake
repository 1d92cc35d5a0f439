# The installed tool starts, also where the library is shared, and says what it can do.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND "${TOOL}" --help OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR NOT output MATCHES "Exit status")
  message(FATAL_ERROR "${TOOL} --help: exit status ${status}, expected 0 and what it can do:\n${output}")
endif()
