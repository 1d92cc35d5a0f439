# cmake -D COMPILER_FILE=<file> -D HEADER=<file> -D OUTPUT=<file.gch> -P precompile.cmake
cmake_minimum_required(VERSION 3.25)
include("${COMPILER_FILE}")
include("${CMAKE_CURRENT_LIST_DIR}/compile_command.cmake")

cmake_path(GET OUTPUT PARENT_PATH folder)
file(MAKE_DIRECTORY "${folder}")
execute_process(COMMAND ${command} -w -x c++-header "${HEADER}" -o "${OUTPUT}" COMMAND_ERROR_IS_FATAL ANY)
