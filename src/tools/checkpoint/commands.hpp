#pragma once
#include "freshet/base/file_system.hpp"
#include "options.hpp"

namespace freshet::checkpoint_tool {

/// Does what was asked, prints what there is to say, and gives the exit status.
int run(file_system& files, const options& asked);

}  // namespace freshet::checkpoint_tool
