#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>

#include "freshet/base/event_time.hpp"
#include "freshet/core/codec.hpp"
#include "fuzz/fuzz.hpp"

namespace freshet {

namespace fuzz_types {

enum class colour : std::uint8_t { red, green };
struct nothing {};
struct point {
  std::int32_t x = 0, y = 0;
};
struct tree {
  std::uint32_t value = 0;
  std::vector<tree> children{};
};
/// In version 1 it had no unit.
struct amount {
  std::int64_t value = 0;
  std::string unit{};
};
struct everything {
  std::int64_t id = 0;
  bool is_on = false;
  double weight = 0;
  colour shade = colour::red;
  std::string text{};
  std::array<std::uint16_t, 3> three{};
  std::vector<std::uint64_t> numbers{};
  std::vector<std::string> texts{};
  std::deque<point> points{};
  std::vector<nothing> nothings{};
  std::set<std::string> names{};
  std::map<std::string, std::vector<colour>> by_name{};
  std::unordered_map<std::uint32_t, std::string> by_number{};
  std::optional<std::optional<std::string>> maybe{};
  std::variant<std::int64_t, std::string, std::vector<point>> either{};
  std::pair<event_time, std::chrono::nanoseconds> times{};
  std::vector<amount> amounts{};
  tree root{};
};

}  // namespace fuzz_types

template <>
struct codec<fuzz_types::amount> {
  static constexpr std::uint32_t version = 2;
  static void write(writer& w, const fuzz_types::amount& a) {
    write_value(w, a.value);
    write_value(w, a.unit);
  }
  static void read(reader& r, fuzz_types::amount& a, std::uint32_t from) {
    if (from == 0) return r.fail();
    read_value(r, a.value);
    a.unit = "EUR";
    if (from > 1) read_value(r, a.unit);
  }
};

namespace {

using namespace fuzz_types;

everything small() { return {}; }

everything large() {
  everything all;
  all.id = -7;
  all.is_on = true;
  all.weight = 2.5;
  all.shade = colour::green;
  all.text = "some text";
  all.three = {1, 2, 65535};
  all.numbers = {1, ~std::uint64_t{0}};
  all.texts = {"a", "", "three"};
  all.points = {{1, 2}, {-3, 4}};
  all.nothings.resize(3);
  all.names = {"x", "y"};
  all.by_name = {{"red", {colour::red}}, {"none", {}}};
  all.by_number = {{5, "five"}};
  all.maybe.emplace("text");
  all.either = std::vector<point>{{5, 6}};
  all.times = {event_time(std::chrono::milliseconds(1'700'000'000'000)), std::chrono::nanoseconds(-1)};
  all.amounts = {{100, "USD"}, {7, ""}};
  all.root = {1, {{2, {}}, {3, {{4, {}}}}}};
  return all;
}

everything with_texts() {
  everything all;
  all.maybe.emplace();
  all.either = std::string("either");
  all.texts.assign(20, "again");
  return all;
}

std::string bytes_of(const everything& value) {
  writer w;
  write_value(w, value);
  return w.take();
}
bool reads(std::string_view bytes, everything& into) {
  reader r(bytes);
  read_value(r, into);
  return !r.failed() && r.left() == 0;
}

/// Trees in each other, deeper than a stack might have room for.
std::string deep() {
  std::string bytes = bytes_of(small());
  writer level;
  level.raw(std::uint32_t{1});
  level.raw(std::uint32_t{1});
  bytes.resize(bytes.size() - level.size());  // the empty tree at the end
  for (int i = 0; i < 300; ++i) bytes += level.data();
  return bytes;
}

}  // namespace

/// Bytes in the current versions, as is what comes out of older ones.
std::vector<fuzz::seed> fuzz::seeds() {
  return {
      {"small", bytes_of(small())}, {"large", bytes_of(large())}, {"texts", bytes_of(with_texts())}, {"deep", deep()}};
}

}  // namespace freshet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  const auto input = fuzz::view_of(data, size);
  everything value;
  {
    // An element of 40 bytes may be written as 4, vectors grow by doubling.
    const fuzz::memory_bound bound(64 * size + 4096);
    if (!reads(input, value)) return 0;
  }
  const auto written = bytes_of(value);
  everything again = large();
  fuzz::check(reads(written, again), "what was written is read");
  fuzz::check(again.by_number == value.by_number, "an unordered map is read as it was");
  again.by_number.clear();  // its order is not one of the value
  value.by_number.clear();
  fuzz::check(bytes_of(again) == bytes_of(value), "a value is read as it was, over another");
  everything partly;
  const auto cut = size % written.size();
  fuzz::check(!reads(std::string_view(written).substr(0, cut), partly), "a part of a value is none");
  return 0;
}
