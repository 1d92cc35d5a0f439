# find_package(RdKafka [version]): the target RdKafka::rdkafka, librdkafka's C interface. By the package file of librdkafka
# where there is one; Debian's librdkafka-dev has none. Installed beside Freshet's own, for those who use its component kafka.

find_package(RdKafka ${RdKafka_FIND_VERSION} CONFIG QUIET)
if(RdKafka_FOUND)
  return()
endif()

find_path(RdKafka_INCLUDE_DIR librdkafka/rdkafka.h)
find_library(RdKafka_LIBRARY rdkafka)
mark_as_advanced(RdKafka_INCLUDE_DIR RdKafka_LIBRARY)
set(RdKafka_VERSION "")
if(RdKafka_INCLUDE_DIR)
  file(STRINGS "${RdKafka_INCLUDE_DIR}/librdkafka/rdkafka.h" freshet_line REGEX "^#define RD_KAFKA_VERSION ")
  if(freshet_line MATCHES "0x([0-9a-f][0-9a-f])([0-9a-f][0-9a-f])([0-9a-f][0-9a-f])")
    math(EXPR freshet_major "0x${CMAKE_MATCH_1}")
    math(EXPR freshet_minor "0x${CMAKE_MATCH_2}")
    math(EXPR freshet_patch "0x${CMAKE_MATCH_3}")
    set(RdKafka_VERSION "${freshet_major}.${freshet_minor}.${freshet_patch}")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(RdKafka
  REQUIRED_VARS RdKafka_LIBRARY RdKafka_INCLUDE_DIR VERSION_VAR RdKafka_VERSION)
if(RdKafka_FOUND AND NOT TARGET RdKafka::rdkafka)
  add_library(RdKafka::rdkafka UNKNOWN IMPORTED)
  set_target_properties(RdKafka::rdkafka PROPERTIES
    IMPORTED_LOCATION "${RdKafka_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${RdKafka_INCLUDE_DIR}")
endif()
