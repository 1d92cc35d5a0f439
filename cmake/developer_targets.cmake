# Targets for people who work on Freshet itself; nobody who embeds it sees them.

add_custom_target(check_format
  COMMAND ${CMAKE_COMMAND} -D "ROOT=${PROJECT_SOURCE_DIR}" -P "${PROJECT_SOURCE_DIR}/cmake/check_format.cmake"
  COMMENT "clang-format over every tracked .cpp and .hpp" VERBATIM)
# Never part of a test: it measures time. Without ccache, which would measure itself.
add_custom_target(compile_time
  COMMAND ${CMAKE_COMMAND} -D "COMPILER=${CMAKE_CXX_COMPILER}" -D "ROOT=${PROJECT_SOURCE_DIR}"
    -D "INCLUDE=$<FILTER:$<TARGET_PROPERTY:Boost::headers,INTERFACE_INCLUDE_DIRECTORIES>,EXCLUDE,^/usr/include$>"
    -D "SCRATCH=${PROJECT_BINARY_DIR}" -P "${PROJECT_SOURCE_DIR}/cmake/compile_time.cmake"
  COMMENT "the compile time of a small program" VERBATIM)
add_custom_target(check_layering
  COMMAND ${CMAKE_COMMAND} -D "ROOT=${PROJECT_SOURCE_DIR}" -P "${PROJECT_SOURCE_DIR}/cmake/check_layering.cmake"
  COMMENT "the include law over include, src, tests, bench and examples" VERBATIM)
