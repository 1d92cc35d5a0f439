# Sets `command`: the compiler as a user of the library calls it. Needs what COMPILER_FILE says.
set(command "${compiler}" ${language_options})
foreach(folder IN LISTS include_folders)
  # Naming a folder that the compiler knows by itself changes the order of its system headers.
  if(NOT folder IN_LIST implicit_folders AND NOT folder STREQUAL "")
    list(APPEND command "-I${folder}")
  endif()
endforeach()
list(TRANSFORM definitions PREPEND -D)
list(APPEND command ${definitions})
