#include "freshet/core/timers.hpp"

namespace freshet {

void timers::note(const change& c) { changes_.push_back(c); }

}  // namespace freshet
