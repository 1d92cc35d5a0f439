# What concerns how our own files are compiled, and must never reach the files of a user: all of it is PRIVATE.

if(FRESHET_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(FRESHET_CCACHE_PROGRAM ccache)
  if(FRESHET_CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${FRESHET_CCACHE_PROGRAM}")
  endif()
endif()

set(freshet_sanitize_flags "")
if(FRESHET_SANITIZE)
  string(REPLACE "," ";" sanitizers "${FRESHET_SANITIZE}")
  foreach(sanitizer IN LISTS sanitizers)
    if(NOT sanitizer MATCHES "^(address|undefined|thread|leak)$")
      message(FATAL_ERROR "FRESHET_SANITIZE=${FRESHET_SANITIZE}: '${sanitizer}' is not one of address, undefined, thread, leak")
    endif()
  endforeach()
  set(freshet_sanitize_flags -fsanitize=${FRESHET_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
endif()
if(FRESHET_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "FRESHET_FUZZ: ${CMAKE_CXX_COMPILER_ID} has no libFuzzer; configure with -D CMAKE_CXX_COMPILER=clang++, "
      "or leave it OFF: the tests fuzz.* run the same targets")
  endif()
  if(FRESHET_SANITIZE)
    message(FATAL_ERROR "FRESHET_FUZZ brings AddressSanitizer: leave FRESHET_SANITIZE=${FRESHET_SANITIZE} empty")
  endif()
  set(freshet_sanitize_flags -fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer)
endif()

# GCC looks for memory to give back from 128 MB on, which takes it a tenth of its time. Where there is enough, it may use
# more before it looks; what it compiles is the same.
cmake_host_system_information(RESULT freshet_memory QUERY TOTAL_PHYSICAL_MEMORY)
set(freshet_compiler_memory "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND freshet_memory GREATER 6000)
  set(freshet_compiler_memory --param=ggc-min-heapsize=500000)
endif()

# For every target that the project compiles: component, test, example, benchmark.
function(freshet_set_build_options target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  # No modules here: later CMake would look for them in every file, with a tool that not every compiler brings.
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_SCAN_FOR_MODULES OFF)
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-Wall -Wextra -Wpedantic -Wshadow>
    $<$<AND:$<BOOL:${FRESHET_WERROR}>,$<CXX_COMPILER_ID:GNU,Clang,AppleClang>>:-Werror>
    ${freshet_compiler_memory} ${freshet_sanitize_flags})
  target_link_options(${target} PRIVATE ${freshet_sanitize_flags})
endfunction()
