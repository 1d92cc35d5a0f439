#include "freshet/core/range_lost.hpp"

namespace freshet {

range_lost::range_lost(const position_range& lost, const std::string& why) : std::runtime_error(why), lost_(lost) {}
range_lost::~range_lost() = default;

}  // namespace freshet
