#pragma once
#include <string>

#include "differential/time/promise.hpp"
#include "differential/time/window_scene.hpp"

namespace freshet::differential {

/// What an engine answers. `wrong`: what is wrong with results of the same window, apart from the answer.
answers run_windows(const window_scene&, const any_options&, std::string& wrong);

}  // namespace freshet::differential
