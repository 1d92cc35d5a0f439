#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::file {

/// Reads one text of JSON (RFC 8259) value by value, as whoever reads it asks: nothing is built that is not wanted, and
/// numbers stay text until their type is known. What was wrong first is kept; after that every function says false. Not
/// thread safe.
///     in.begin(text);
///     in.open_object();
///     for (std::string_view name; in.next_member(name);) name == "id" ? in.read_literal(id) : in.skip();
///     if (in.failed() || !in.finish()) return in.problem();
class json_reader {
 public:
  enum class kind : std::uint8_t { object, array, string, number, boolean, null, nothing };
  /// Arrays and objects in one another; deeper is refused, as reading them takes memory. Nobody writes such by hand.
  static constexpr std::size_t most_levels = 200;

  /// REQUIRES: the text outlives the reading.
  void begin(std::string_view text);
  /// What the next value is, by its first character. It begins the value that `expected` speaks of.
  kind peek();
  bool open_object();
  /// The name of the next member, whose value is to be read or skipped next; valid until then. False behind the last.
  bool next_member(std::string_view& name);
  bool open_array();
  /// Whether there is another element, to be read or skipped next. False behind the last.
  bool next_element();
  /// The text of a string; valid until the next one is read.
  bool read_string(std::string_view& text);
  /// A number, `true`, `false` or `null`, as it is written.
  bool read_literal(std::string_view& text);
  /// Passes over a value, whatever it is, if it is well-formed.
  bool skip();
  /// Nothing but blanks follows.
  bool finish();

  /// The value that was peeked at last is not what was expected. Always false.
  bool expected(const std::string& what);
  /// The same, in front of the place where reading is.
  bool missing(const std::string& what);
  /// What is wrong lies in this member or element. Always false.
  bool within(std::string_view name);
  bool failed() const { return failed_; }
  /// Byte of the text, and what is wrong there: `expected a number, not "12,5x"`.
  std::size_t offset() const { return offset_; }
  const std::string& problem() const { return what_; }
  /// What `within` said, from outside: `orders[3].price`; empty where it said nothing.
  const std::string& member() const { return path_; }

 private:
  bool fail(std::size_t at, std::string what);
  bool fail_here(const char* expected);
  void blanks();
  bool take(char c);
  bool take_word(std::string_view word);
  bool take_number();
  bool digits();
  bool open(char bracket);
  bool next(char closing, bool& found);
  bool name_of_member(std::string_view& name);
  bool scan_string(std::string_view& text);
  bool escape();
  bool hex(std::uint32_t& unit);
  bool unicode_escape();
  bool code_point();

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t value_ = 0;    // where the value begins that was peeked at
  std::vector<bool> first_;  // by level: no element was read yet
  std::string unescaped_;
  bool failed_ = false;
  std::size_t offset_ = 0;
  std::string what_, path_;
};

}  // namespace freshet::file
