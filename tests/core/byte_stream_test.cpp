#include "freshet/core/byte_stream.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

namespace freshet {
namespace {

TEST(writer, writes_numbers_in_little_endian_order) {
  writer w;
  w.raw(std::uint32_t{0x01020304});
  w.raw(std::int8_t{-1});
  w.raw(true);
  w.bytes("ab");
  EXPECT_EQ(w.data(), std::string("\x04\x03\x02\x01\xff\x01\x02\0\0\0ab", 12));
  EXPECT_EQ(w.size(), 12u);
}

TEST(writer, can_be_cleared_and_emptied) {
  writer w;
  w.append("abc");
  w.clear();
  EXPECT_EQ(w.size(), 0u);
  w.append("de");
  EXPECT_EQ(w.take(), "de");
  EXPECT_EQ(w.take(), "");
}

TEST(writer, refuses_what_no_reader_would_take) {
  writer w;
  EXPECT_THROW(w.length(std::size_t{1} << 32), std::length_error);
  struct recursion {
    static void into(writer& out, int depth) {
      if (depth > 0) out.nested([&] { into(out, depth - 1); });
    }
  };
  recursion::into(w, most_nested_values);
  EXPECT_THROW(recursion::into(w, most_nested_values + 1), std::length_error);
  w.clear();
  recursion::into(w, most_nested_values);
}

TEST(reader, reads_back) {
  writer w;
  w.raw(1.5);
  w.raw(std::numeric_limits<std::int64_t>::min());
  w.raw('x');
  w.bytes("");
  w.bytes("text");
  w.append("end");
  reader r(w.data());
  EXPECT_EQ(r.raw<double>(), 1.5);
  EXPECT_EQ(r.raw<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(r.raw<char>(), 'x');
  EXPECT_EQ(r.bytes(), "");
  EXPECT_EQ(r.bytes(), "text");
  EXPECT_EQ(r.left(), 3u);
  EXPECT_EQ(r.take(3), "end");
  EXPECT_FALSE(r.failed());
}

TEST(reader, fails_for_good_at_the_first_byte_missing) {
  reader r("abc");
  EXPECT_EQ(r.raw<std::uint32_t>(), 0u);
  EXPECT_TRUE(r.failed());
  EXPECT_EQ(r.raw<std::uint8_t>(), 0u);
  EXPECT_EQ(r.left(), 0u);
  EXPECT_EQ(r.bytes(), "");
}

TEST(reader, believes_no_impossible_length_nor_bool) {
  reader lengths(std::string_view("\x05\0\0\0abcd", 8));
  EXPECT_EQ(lengths.length(), 0u);
  EXPECT_TRUE(lengths.failed());
  reader truth("\x02");
  EXPECT_FALSE(truth.raw<bool>());
  EXPECT_TRUE(truth.failed());
}

TEST(reader, takes_no_more_memory_in_advance_than_the_input_has) {
  const std::string bytes(1000, 'x');
  reader r(bytes);
  EXPECT_EQ(r.reservable(3, 8), 3u);
  std::size_t all = 3 * 8;
  // As in values that are nested in each other: each claims the bytes that are left.
  for (int i = 0; i < 100; ++i) all += 8 * r.reservable(1000, 8);
  EXPECT_LE(all, bytes.size() + 101 * 8);
  reader whole(bytes);
  EXPECT_EQ(whole.reservable(125, 8), 125u);
}

TEST(reader, taking_nothing_is_no_failure) {
  reader r("");
  EXPECT_EQ(r.take(0), "");
  EXPECT_FALSE(r.failed());
}

}  // namespace
}  // namespace freshet
