#include "freshet/base/error.hpp"

#include <gtest/gtest.h>

#include <set>

namespace freshet {
namespace {

TEST(error, every_code_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(errc::internal); ++i) names.insert(to_string(static_cast<errc>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(errc::internal) + 1);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(to_string(errc::data_loss), "data_loss");
  EXPECT_EQ(to_string(static_cast<errc>(200)), "unknown");
}

TEST(error, text_has_code_message_and_what_may_be_done) {
  EXPECT_EQ(to_string(error{errc::io, "disk full"}), "io: disk full");
  EXPECT_EQ(to_string(error{.code = errc::timeout, .message = "no answer", .retryable = true}),
            "timeout: no answer (retryable)");
  EXPECT_EQ(to_string(error{.code = errc::closed, .fatal = true}), "closed (fatal)");
}

TEST(error, is_neither_retryable_nor_fatal_unless_said) {
  const error e{errc::io, "x"};
  EXPECT_FALSE(e.retryable);
  EXPECT_FALSE(e.fatal);
  EXPECT_EQ(e, (error{errc::io, "x"}));
}

}  // namespace
}  // namespace freshet
