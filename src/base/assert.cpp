#include "freshet/base/assert.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace freshet::detail {

void shown_value::print() const noexcept {
  switch (kind_) {
    case kind::boolean:
      std::fputs(unsigned_ ? "true" : "false", stderr);
      break;
    case kind::signed_integer:
      std::fprintf(stderr, "%" PRId64, signed_);
      break;
    case kind::unsigned_integer:
      std::fprintf(stderr, "%" PRIu64, unsigned_);
      break;
    case kind::floating:
      std::fprintf(stderr, "%.17g", floating_);
      break;
    case kind::text:
      std::fprintf(stderr, "\"%.*s\"", static_cast<int>(text_.size), text_.begin);
      break;
    case kind::pointer:
      std::fprintf(stderr, "%p", pointer_);
      break;
  }
}

void assertion_failed(const assertion& where, std::string_view text, const shown_value* values,
                      std::size_t count) noexcept {
  std::fprintf(stderr, "%s:%d: invariant broken: %s: %.*s", where.file, where.line, where.condition,
               static_cast<int>(text.size()), text.data());
  for (std::size_t i = 0; i < count; ++i) {
    std::fputs(i == 0 ? ": " : ", ", stderr);
    values[i].print();
  }
  std::fputc('\n', stderr);
  std::fflush(stderr);
  std::abort();
}

}  // namespace freshet::detail
