# freshet_add_component(name HEADERS file... SOURCES file... PUBLIC_DEPS target... PRIVATE_DEPS target...
#                       PACKAGES "package [version]"...)
#
# One component: target freshet_<name>, alias freshet::<name>, its headers as a file set, its own export file, so that
# find_package(freshet COMPONENTS ...) loads what is asked for and nothing else. Paths are relative to the project.
# A component without sources is an interface library. PACKAGES are what a user's find_package(freshet) must find for it.
#
# freshet_finish_components()
#
# After the last component: the package files for the install tree and the build tree.

set(freshet_component_names "")
set(freshet_component_packages "")
set(freshet_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/freshet")
# Beside the build's own files: a consumer may name the build directory as a prefix.
set(freshet_build_tree_config_dir "${PROJECT_BINARY_DIR}/lib/cmake/freshet")

function(freshet_add_component name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;SOURCES;PUBLIC_DEPS;PRIVATE_DEPS;PACKAGES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "freshet_add_component(${name}): '${arg_UNPARSED_ARGUMENTS}' belongs to no keyword")
  endif()
  foreach(file IN LISTS arg_HEADERS arg_SOURCES)
    if(NOT EXISTS "${PROJECT_SOURCE_DIR}/${file}")
      message(FATAL_ERROR "cmake/sources.cmake lists ${file}, which does not exist: correct the name or remove the line")
    endif()
  endforeach()
  list(TRANSFORM arg_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/")
  list(TRANSFORM arg_SOURCES PREPEND "${PROJECT_SOURCE_DIR}/")

  set(target freshet_${name})
  if(arg_SOURCES)
    set(scope PUBLIC)
    add_library(${target} ${arg_SOURCES})
    freshet_set_build_options(${target})
    set_target_properties(${target} PROPERTIES UNITY_BUILD ${FRESHET_UNITY})
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} PRIVATE ${arg_PRIVATE_DEPS})
    set_target_properties(${target} PROPERTIES
      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    if(name STREQUAL "freshet")
      set_target_properties(${target} PROPERTIES OUTPUT_NAME freshet)
    endif()
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
  endif()
  add_library(freshet::${name} ALIAS ${target})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_link_libraries(${target} ${scope} ${arg_PUBLIC_DEPS})
  target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${arg_HEADERS})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})

  # Without the build tree's export a project that exports its own target on top of an embedded Freshet fails.
  export(TARGETS ${target} NAMESPACE freshet:: FILE "${freshet_build_tree_config_dir}/freshet_${name}.cmake")
  if(FRESHET_INSTALL)
    install(TARGETS ${target} EXPORT freshet_${name} FILE_SET HEADERS)
    install(EXPORT freshet_${name} NAMESPACE freshet:: DESTINATION ${freshet_config_dir})
  endif()
  set(freshet_component_names ${freshet_component_names} ${name} PARENT_SCOPE)
  list(JOIN arg_PACKAGES "\" \"" packages)
  set(freshet_component_packages
    "${freshet_component_packages}set(freshet_packages_of_${name} \"${packages}\")\n" PARENT_SCOPE)
endfunction()

function(freshet_finish_components)
  include(CMakePackageConfigHelpers)
  write_basic_package_version_file("${freshet_build_tree_config_dir}/freshetConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/freshetConfig.cmake.in"
    "${freshet_build_tree_config_dir}/freshetConfig.cmake" @ONLY)

  # Debian's librdkafka has no package file, so that Freshet brings one for its users.
  set(find_modules "")
  if(TARGET freshet_kafka)
    set(find_modules "${PROJECT_SOURCE_DIR}/cmake/FindRdKafka.cmake")
    configure_file("${find_modules}" "${freshet_build_tree_config_dir}/FindRdKafka.cmake" COPYONLY)
  endif()

  add_custom_target(freshet_components)
  list(TRANSFORM freshet_component_names PREPEND freshet_ OUTPUT_VARIABLE targets)
  add_dependencies(freshet_components ${targets})
  if(NOT FRESHET_INSTALL)
    return()
  endif()
  install(FILES "${freshet_build_tree_config_dir}/freshetConfig.cmake"
    "${freshet_build_tree_config_dir}/freshetConfigVersion.cmake" ${find_modules} DESTINATION ${freshet_config_dir})

  # The prefix is found from where the .pc file lies: a prefix written down here is wrong after `--prefix`.
  set(pc_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
  file(RELATIVE_PATH freshet_pc_to_prefix "/prefix/${pc_dir}" "/prefix")
  string(REGEX REPLACE "/$" "" freshet_pc_to_prefix "${freshet_pc_to_prefix}")
  get_target_property(type freshet_freshet TYPE)
  set(freshet_pc_library "-lfreshet ")
  if(type STREQUAL "INTERFACE_LIBRARY")
    set(freshet_pc_library "")
  endif()
  configure_file("${PROJECT_SOURCE_DIR}/cmake/freshet.pc.in" "${PROJECT_BINARY_DIR}/freshet.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/freshet.pc" DESTINATION ${pc_dir})
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION ${CMAKE_INSTALL_DOCDIR})
endfunction()

# freshet_add_tool(name SOURCES file...)
#
# A program that is installed beside the library. CLI11 reads its arguments: lists, units, ranges and help that would be
# hundreds of lines of our own. Without CLI11 there is no such target.
function(freshet_add_tool name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  find_package(CLI11 QUIET)
  if(NOT CLI11_FOUND)
    message(STATUS "CLI11 (Debian: libcli11-dev) is not there: ${name} is not built")
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  freshet_set_build_options(${name})
  target_link_libraries(${name} PRIVATE freshet::freshet CLI11::CLI11)
  if(FRESHET_INSTALL)
    # An installed tool finds its shared library beside itself, wherever the prefix is moved to.
    file(RELATIVE_PATH lib_from_bin "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
    set_target_properties(${name} PROPERTIES INSTALL_RPATH "$ORIGIN/${lib_from_bin}")
    # Not everyone who installs has built it: `--target freshet-bench` and the like leave it out.
    install(TARGETS ${name} COMPONENT tools OPTIONAL)
  endif()
endfunction()
