#include "freshet/core/state_query.hpp"

namespace freshet {

any_state_query::~any_state_query() = default;

}  // namespace freshet
