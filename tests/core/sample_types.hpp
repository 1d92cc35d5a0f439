#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

// Classes as users write them, for the tests of this folder.

namespace freshet::samples {

enum class colour : std::uint8_t { red, green };

struct point {
  std::int32_t x = 0;
  std::int32_t y = 0;
};
/// Nested aggregates without `==`.
struct journey {
  std::string name;
  std::vector<point> stops;
  std::optional<point> depot;
  std::map<std::string, std::vector<colour>> tags;
};
/// Holds itself.
struct tree {
  std::uint32_t value = 0;
  std::vector<tree> children;
};
struct nothing {};

/// Private members, named by a hidden friend.
class money {
 public:
  money() = default;
  money(std::int64_t cents, std::string currency) : cents_(cents), currency_(std::move(currency)) {}
  std::int64_t cents() const { return cents_; }
  const std::string& currency() const { return currency_; }

 private:
  friend auto freshet_fields(money& m) { return std::tie(m.cents_, m.currency_); }
  std::int64_t cents_ = 0;
  std::string currency_;
};
/// Private members that nobody names.
class secret {
 public:
  int value() const { return value_; }

 private:
  int value_ = 0;
};

struct with_array {
  int id = 0;
  char text[16] = {};
  std::string rest;
};
struct with_strings {
  std::string names[2];
};
struct with_base : point {
  int z = 0;
};
struct empty_base {};
struct with_empty_base : empty_base {
  int z = 0;
};
struct with_bits {
  unsigned a : 1;
  unsigned b : 1;
  unsigned c : 1;
  unsigned d : 1;
  unsigned e : 1;
};
/// A base class that PFR can't see, named by hand.
struct named_base : point {
  int z = 0;

 private:
  friend auto freshet_fields(named_base& p) { return std::tie(p.x, p.y, p.z); }
};

}  // namespace freshet::samples
