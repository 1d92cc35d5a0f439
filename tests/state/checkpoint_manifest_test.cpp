#include "freshet/state/checkpoint_manifest.hpp"

#include <gmock/gmock.h>

#include "freshet/base/random.hpp"
#include "freshet/core/byte_stream.hpp"
#include "state/checkpoint_scene.hpp"

namespace freshet {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// With a right checksum at its end.
std::string with_checksum(std::string bytes) {
  bytes.resize(bytes.size() - 8);
  writer w;
  w.append(bytes);
  w.raw(hash_bytes(bytes.data(), bytes.size()));
  return w.take();
}

TEST(checkpoint_manifest, is_read_as_it_was_written) {
  const auto manifest = full_manifest();
  EXPECT_EQ(must(decode_manifest(encode(manifest), "m")), manifest);
  EXPECT_EQ(must(decode_manifest(encode(checkpoint_manifest{}), "m")), checkpoint_manifest{});
}

TEST(checkpoint_manifest, knows_cut_bytes) {
  const auto bytes = encode(full_manifest());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto read = decode_manifest(std::string_view(bytes).substr(0, size), "/c/42.savepoint");
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, errc::data_loss);
    EXPECT_THAT(read.error().message, AllOf(HasSubstr("\"/c/42.savepoint\" is damaged: expected"), HasSubstr("found")));
  }
  EXPECT_FALSE(decode_manifest(bytes + "x", "m"));
}

TEST(checkpoint_manifest, knows_every_changed_bit) {
  auto bytes = encode(full_manifest());
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto read = decode_manifest(bytes, "m");
    ASSERT_FALSE(read) << bit;
    EXPECT_EQ(read.error().code, errc::data_loss) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(checkpoint_manifest, of_a_newer_format_is_no_damage) {
  auto bytes = encode(full_manifest());
  bytes[8] = 2;
  const auto read = decode_manifest(with_checksum(bytes), "/c/42.savepoint");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::unsupported);
  EXPECT_THAT(read.error().message, HasSubstr("\"/c/42.savepoint\" has format 2; this version of Freshet knows formats "
                                              "up to 1: use the version that wrote it, or a newer one"));
}

TEST(checkpoint_manifest, with_a_right_checksum_is_not_believed_either) {
  random_source random(1);
  const auto bytes = encode(full_manifest());
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto changed = bytes;
    for (auto n = 1 + random.below(4); n != 0; --n)
      changed[20 + random.below(changed.size() - 28)] = static_cast<char>(random());
    if (!decode_manifest(with_checksum(changed), "m")) ++refused;
  }
  EXPECT_GT(refused, 1000);  // the others say something else, which only the checksum can tell
}

TEST(checkpoint_manifest, names_no_files_elsewhere) {
  for (const std::string name :
       {"../1-1-1.state", "/etc/passwd", "", "FORMAT", "1-1-1.state/..", "1-1.state", "01-1-1.state"}) {
    const auto read = decode_manifest(encode(manifest_of({1, 1}, {{.name = name}})), "m");
    EXPECT_THAT(why_not(read), HasSubstr("found a state file \"" + name + "\""));
  }
  EXPECT_TRUE(decode_manifest(encode(manifest_of({1, 1}, {{.name = "1-1-1.state"}})), "m"));
}

}  // namespace

}  // namespace freshet
