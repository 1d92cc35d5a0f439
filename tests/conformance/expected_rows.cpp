#include "conformance/expected_rows.hpp"

#include <algorithm>
#include <cmath>
#include <compare>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"

namespace freshet::conformance {

answer read_answer(const std::string& name) {
  std::ifstream file(answer_file(name));
  answer read{name, {}, {}};
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error("cannot read " + answer_file(name));
  read.columns = split_csv(line);
  while (std::getline(file, line)) read.rows.push_back(split_csv(line));
  return read;
}

namespace {

/// What is in the file, as the type that the topology gives there; text where it is none.
cell typed(const std::string& text, const cell& like) {
  try {
    if (std::holds_alternative<std::int64_t>(like)) return number(text);
    if (std::holds_alternative<double>(like)) return number<double>(text);
  } catch (const std::invalid_argument&) {}
  return text;
}
row typed(const std::vector<std::string>& texts, const row& like) {
  row cells;
  for (std::size_t i = 0; i < texts.size(); ++i) cells.push_back(i < like.size() ? typed(texts[i], like[i]) : texts[i]);
  return cells;
}

/// Of each column the first cell that is a number, if there is one: a text among numbers is a missing value.
row types_of(const std::vector<row>& got) {
  row like = got.empty() ? row{} : got[0];
  for (const row& each : got)
    for (std::size_t i = 0; i < std::min(like.size(), each.size()); ++i)
      if (std::holds_alternative<std::string>(like[i])) like[i] = each[i];
  return like;
}

bool both_floating(const cell& a, const cell& b) {
  return std::holds_alternative<double>(a) && std::holds_alternative<double>(b);
}
bool close(double a, double b) { return a == b || std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)); }

/// By what must be exact.
std::weak_ordering exact_order(const row& a, const row& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (both_floating(a[i], b[i])) continue;
    if (a[i] < b[i]) return std::weak_ordering::less;
    if (b[i] < a[i]) return std::weak_ordering::greater;
  }
  return a.size() <=> b.size();
}
/// Rows that differ in floating point only stand side by side, by size.
bool before(const row& a, const row& b) {
  const auto order = exact_order(a, b);
  return order == 0 ? a < b : order < 0;
}
/// REQUIRES: exact_order(a, b) == 0
bool floating_is_close(const row& a, const row& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (both_floating(a[i], b[i]) && !close(std::get<double>(a[i]), std::get<double>(b[i]))) return false;
  return true;
}

std::string text(const row& cells) {
  std::ostringstream out;
  out.precision(17);
  for (std::size_t i = 0; i < cells.size(); ++i)
    std::visit([&](const auto& value) { out << (i == 0 ? "" : ",") << value; }, cells[i]);
  return out.str();
}

/// The differences, the first ten of them in words.
class differences {
 public:
  void add(const std::string& what, const row& cells) {
    if (++count_ <= 10) said_ << '\n' << what << ": " << text(cells);
  }
  testing::AssertionResult verdict(const answer& expected, std::size_t got) const {
    if (count_ == 0) return testing::AssertionSuccess();
    auto no = testing::AssertionFailure();
    no << count_ << " differences from " << expected.name << ".csv (" << expected.rows.size() << " rows, got " << got
       << ")\n  columns: ";
    for (const auto& column : expected.columns) no << column << ' ';
    return no << said_.str() << (count_ > 10 ? "\n  and so on" : "");
  }

 private:
  std::size_t count_ = 0;
  std::ostringstream said_;
};

/// In the whole numbers behind the keys.
bool no_less(const row& got, const row& want, columns are) {
  const auto end = std::min({got.size(), want.size(), are.sums == columns::all ? columns::all : are.keys + are.sums});
  for (std::size_t i = are.keys; i < end; ++i)
    if (std::holds_alternative<std::int64_t>(want[i]) && got[i] < want[i]) return false;
  return got.size() == want.size();
}

testing::AssertionResult compare(const answer& expected, std::vector<row> got, bool surplus_is_wrong) {
  std::vector<row> wanted;
  const row like = types_of(got);
  for (const auto& texts : expected.rows) wanted.push_back(typed(texts, like));
  std::sort(wanted.begin(), wanted.end(), before);
  std::sort(got.begin(), got.end(), before);
  differences found;
  std::size_t g = 0;
  for (const row& want : wanted) {
    for (; g < got.size() && exact_order(got[g], want) < 0; ++g)
      if (surplus_is_wrong) found.add("  surplus", got[g]);
    if (g == got.size() || exact_order(got[g], want) > 0) {
      found.add("  missing", want);
    } else {
      if (!floating_is_close(got[g], want)) {
        found.add("  wanted ", want);
        found.add("  but got", got[g]);
      }
      ++g;
    }
  }
  for (const auto total = got.size(); surplus_is_wrong && g < total; ++g) found.add("  surplus", got[g]);
  return found.verdict(expected, got.size());
}

}  // namespace

testing::AssertionResult same_rows(const answer& expected, std::vector<row> got) {
  return compare(expected, std::move(got), true);
}
testing::AssertionResult no_row_missing(const answer& expected, std::vector<row> got, columns are) {
  if (are.keys == columns::all) return compare(expected, std::move(got), false);
  const row like = types_of(got);
  differences found;
  std::multimap<row, row> by_keys;
  for (row& each : got) {
    row keys(each.begin(), each.begin() + static_cast<std::ptrdiff_t>(std::min(are.keys, each.size())));
    by_keys.emplace(std::move(keys), std::move(each));
  }
  for (const auto& texts : expected.rows) {
    const row want = typed(texts, like);
    const auto [from, to] =
        by_keys.equal_range(row(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(are.keys)));
    const auto enough = [&](const auto& each) { return no_less(each.second, want, are); };
    if (const auto one = std::find_if(from, to, enough); one != to) by_keys.erase(one);
    else found.add("  missing", want);
  }
  return found.verdict(expected, got.size());
}

}  // namespace freshet::conformance
