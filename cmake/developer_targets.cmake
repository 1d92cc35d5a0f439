# Targets for people who work on Freshet itself; nobody who embeds it sees them.

add_custom_target(check_format
  COMMAND ${CMAKE_COMMAND} -D "ROOT=${PROJECT_SOURCE_DIR}" -P "${PROJECT_SOURCE_DIR}/cmake/check_format.cmake"
  COMMENT "clang-format over every tracked .cpp and .hpp" VERBATIM)
add_custom_target(check_layering
  COMMAND ${CMAKE_COMMAND} -D "ROOT=${PROJECT_SOURCE_DIR}" -P "${PROJECT_SOURCE_DIR}/cmake/check_layering.cmake"
  COMMENT "the include law over include, src, tests, bench and examples" VERBATIM)
