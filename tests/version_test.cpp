#include "freshet/version.hpp"

#include <gtest/gtest.h>

#include <string>

TEST(version, text_and_number_agree_with_the_parts) {
  const std::string expected = std::to_string(FRESHET_VERSION_MAJOR) + "." + std::to_string(FRESHET_VERSION_MINOR) +
                               "." + std::to_string(FRESHET_VERSION_PATCH);
  EXPECT_EQ(FRESHET_VERSION, expected);
  EXPECT_EQ(FRESHET_VERSION_NUMBER,
            FRESHET_VERSION_MAJOR * 10000 + FRESHET_VERSION_MINOR * 100 + FRESHET_VERSION_PATCH);
}
