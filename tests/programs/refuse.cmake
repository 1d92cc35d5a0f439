# cmake -D PROGRAM=... -D SHELL=sh -D STATUS=n -D "EXPECT=regex" -D "COMMAND=shell command" -P refuse.cmake
#
# Runs a shell command in which $PROGRAM is the program. It must end with STATUS ("failure": any but 0, as a program that
# was not killed ends) and its output, errors included, must match EXPECT.
cmake_minimum_required(VERSION 3.25)
set(ENV{PROGRAM} "${PROGRAM}")
execute_process(COMMAND "${SHELL}" -c "${COMMAND}" OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
message("${output}")
if(NOT status MATCHES "^[0-9]+$" OR status GREATER 127)
  message(FATAL_ERROR "${COMMAND}: ended by a signal or not started: ${status}")
endif()
if(NOT status STREQUAL STATUS)
  message(FATAL_ERROR "${COMMAND}: exit status ${status}, expected ${STATUS}")
endif()
if(NOT output MATCHES "${EXPECT}")
  message(FATAL_ERROR "${COMMAND}: nothing above matches '${EXPECT}'")
endif()
