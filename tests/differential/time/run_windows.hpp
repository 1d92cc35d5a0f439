#pragma once
#include <string>
#include <variant>

#include "differential/time/window_scene.hpp"
#include "freshet/batch/batch_options.hpp"
#include "freshet/event/event_options.hpp"

namespace freshet::differential {

using any_options = std::variant<event_options, batch_options>;

/// What an engine answers. `wrong`: what is wrong with results of the same window, apart from the answer.
answers run_windows(const window_scene&, const any_options&, std::string& wrong);

}  // namespace freshet::differential
