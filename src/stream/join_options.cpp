#include "freshet/stream/join_options.hpp"

#include <algorithm>

namespace freshet {
namespace {

/// Sums of a few such spans don't overflow: 73 million years.
constexpr event_span longest_reach = event_span::max() / 4;

std::string in_ms(event_span span) { return std::to_string(span.count()) + " ms"; }

std::string_view written_as(join_kind k) {
  switch (k) {
    case join_kind::inner:
      return "f(const L&, const R&)";
    case join_kind::left:
      return "f(const L&, const R*)";
    case join_kind::right:
      return "f(const L*, const R&)";
    case join_kind::full:
      return "f(const L*, const R*)";
  }
  return "f";
}

}  // namespace

std::string_view to_string(join_kind k) noexcept {
  switch (k) {
    case join_kind::inner:
      return "inner";
    case join_kind::left:
      return "left";
    case join_kind::right:
      return "right";
    case join_kind::full:
      return "full";
  }
  return "join";
}

std::vector<std::string> mistakes_of(const between& b) {
  if (b.lower > b.upper)
    return {"joins between " + in_ms(b.lower) + " and " + in_ms(b.upper) +
            ", which is nothing: lower must not be above upper"};
  if (b.lower < -longest_reach || b.upper > longest_reach)
    return {"joins between " + in_ms(b.lower) + " and " + in_ms(b.upper) + ": it would keep its tuples for ever"};
  return {};
}

std::vector<std::string> mistakes_of(const as_of& a) {
  if (a.tolerance < event_span{}) return {"has a negative tolerance: " + in_ms(a.tolerance)};
  return {};
}

std::vector<std::string> mistakes_of(const join_options& o, join_kind written) {
  std::vector<std::string> all;
  if (o.kind != written)
    all.push_back("is of kind " + std::string(to_string(o.kind)) + ", which needs a function  " +
                  std::string(written_as(o.kind)) + ",  and has  " + std::string(written_as(written)) +
                  ":  a pointer stands for a side that may be missing, which is what kind " +
                  std::string(to_string(written)) + " has");
  if (o.allowed_lateness < event_span{}) all.push_back("has a negative allowed_lateness: " + in_ms(o.allowed_lateness));
  if (o.allowed_lateness > longest_reach) all.push_back("has an allowed_lateness beyond time");
  return all;
}

event_span delay_of(const between& b, const join_options& o) {
  auto reach = event_span{};
  if (o.kind == join_kind::left || o.kind == join_kind::full) reach = std::max(reach, b.upper);
  if (o.kind == join_kind::right || o.kind == join_kind::full) reach = std::max(reach, -b.lower);
  return reach + o.allowed_lateness;
}

}  // namespace freshet
