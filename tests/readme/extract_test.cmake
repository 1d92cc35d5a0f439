# The extraction itself, over a text that has everything in it that trips a CMake list.
cmake_minimum_required(VERSION 3.25)
include("${EXTRACT}")

file(WRITE "${SCRATCH}/README.md" [=[
# Title; with [brackets] and \ a backslash
```sh
echo '```' int main() {}
```
```cpp
#include <vector>
int main() { std::vector<int> v{1}; return v[0] == 1 ? 0 : '\n'; }
```
<!-- prelude
int hidden = 1;
-->
<!-- wrap -->
```cpp
#include <string>
std::string s = "@open; [x]";
hidden += int(s.size());
```
```cpp
struct plain {};
```
]=])
freshet_extract_blocks("${SCRATCH}/README.md" "${SCRATCH}" programs others)

macro(expect actual expected)
  if(NOT "${actual}" STREQUAL "${expected}")
    message(FATAL_ERROR "expected:\n${expected}\ngot:\n${actual}")
  endif()
endmacro()
expect("${programs}" "block_5")
expect("${others}" "block_13;block_18")

function(expect_parts file)
  file(READ "${SCRATCH}/${file}" source)
  foreach(part IN LISTS ARGN)
    string(FIND "${source}" "${part}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "${file} lacks\n${part}\nit is\n${source}")
    endif()
  endforeach()
endfunction()
# A list element cannot hold a semicolon: the parts end before one.
expect_parts(block_5.cpp "#line 6 \"${SCRATCH}/README.md\"\n#include <vector>\nint main() { std::vector<int> v{1}"
  " return v[0] == 1 ? 0 : '\\n'")
expect_parts(block_13.cpp "int hidden = 1" "#include <string>\nvoid readme_block_13()"
  "{\n#line 14 \"${SCRATCH}/README.md\"\n" "std::string s = \"@open" "[x]\"")
