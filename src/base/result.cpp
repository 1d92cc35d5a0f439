#include "freshet/base/result.hpp"

namespace freshet {

bad_result_access::bad_result_access(error why)
    : why_(std::move(why)), text_("no value, because of an error: " + to_string(why_)) {}

const char* bad_result_access::what() const noexcept { return text_.c_str(); }

namespace detail {
void throw_bad_result_access(const error& why) { throw bad_result_access(why); }
}  // namespace detail

}  // namespace freshet
