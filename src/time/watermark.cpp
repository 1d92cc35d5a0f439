#include "freshet/time/watermark.hpp"

namespace freshet {

std::vector<std::string> mistakes_of(const bounded_out_of_orderness& p) {
  if (p.bound >= event_span{}) return {};
  return {"the bound of out-of-orderness must not be negative, but is " + std::to_string(p.bound.count()) + " ms"};
}

}  // namespace freshet
