#include "freshet/core/shape.hpp"

#include <gtest/gtest.h>

#include <boost/container/flat_map.hpp>
#include <chrono>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <list>
#include <memory>
#include <queue>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "core/sample_types.hpp"
#include "freshet/base/event_time.hpp"

namespace freshet {
namespace {

using namespace samples;

/// Looks like a container and holds more than its elements.
class top_three {
 public:
  using value_type = int;
  auto begin() const { return best_.begin(); }
  auto end() const { return best_.end(); }
  std::size_t size() const { return best_.size(); }
  void clear() { best_.clear(); }
  void push_back(int) { ++seen_; }

 private:
  std::vector<int> best_;
  int seen_ = 0;
};

TEST(shape_of, tells_types_apart) {
  static_assert(shape_of<int> == shape::scalar && shape_of<colour> == shape::scalar && shape_of<bool> == shape::scalar);
  static_assert(shape_of<std::string> == shape::text);
  static_assert(shape_of<point> == shape::fields && shape_of<money> == shape::fields);
  static_assert(shape_of<std::monostate> == shape::fields);
  static_assert(shape_of<std::pair<int, int>> == shape::tuple && shape_of<std::tuple<>> == shape::tuple);
  static_assert(shape_of<std::array<int, 2>> == shape::array);
  static_assert(shape_of<std::vector<bool>> == shape::sequence && shape_of<std::deque<point>> == shape::sequence &&
                shape_of<std::list<point>> == shape::sequence);
  static_assert(shape_of<std::set<int>> == shape::set && shape_of<std::unordered_multiset<int>> == shape::set);
  static_assert(shape_of<std::multimap<int, int>> == shape::map &&
                shape_of<std::unordered_map<int, int>> == shape::map);
  static_assert(shape_of<boost::container::flat_map<int, int>> == shape::map);
  static_assert(shape_of<std::optional<int>> == shape::optional && shape_of<std::variant<int>> == shape::variant);
  static_assert(shape_of<duration> == shape::time_span && shape_of<event_time> == shape::instant);
}

TEST(shape_of, leaves_others_alone) {
  static_assert(shape_of<int*> == shape::other && shape_of<std::string_view> == shape::other);
  static_assert(shape_of<std::span<int>> == shape::other && shape_of<std::shared_ptr<int>> == shape::other);
  static_assert(shape_of<secret> == shape::other && shape_of<with_array> == shape::other);
  static_assert(shape_of<top_three> == shape::other && shape_of<std::filesystem::path> == shape::other);
  static_assert(shape_of<std::queue<int>> == shape::other && shape_of<std::forward_list<int>> == shape::other);
  static_assert(shape_of<int[3]> == shape::other);
}

}  // namespace
}  // namespace freshet
