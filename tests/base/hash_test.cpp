#include "freshet/base/hash.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace freshet {
namespace {

// All numbers of this file are a data format. They come from the reference implementation of XXH64.
static_assert(hash_version == 1);

std::uint64_t hash_of(std::string_view text) { return hash_bytes(text.data(), text.size()); }

std::vector<unsigned char> pattern(std::size_t size) {
  std::vector<unsigned char> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(i * 7 + 3);
  return bytes;
}

TEST(hash_bytes, of_words_is_xxh64) {
  EXPECT_EQ(hash_bytes(nullptr, 0), 0xef46db3751d8e999u);
  EXPECT_EQ(hash_of(""), 0xef46db3751d8e999u);
  EXPECT_EQ(hash_of("a"), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(hash_of("abc"), 0x44bc2cf5ad770999u);
  EXPECT_EQ(hash_of("freshet!"), 0x6df7c4567cae25ecu);
  EXPECT_EQ(hash_of("freshet stream"), 0x28a081b7339260bdu);
  EXPECT_EQ(hash_of("0123456789abcdef"), 0x5c5b90c34e376d0bu);
}

TEST(hash_bytes, of_every_tail_and_of_stripes_is_xxh64) {
  struct vector {
    std::size_t size;
    std::uint64_t hash;
  };
  const auto bytes = pattern(300);
  for (const auto& [size, hash] : {
           vector{1, 0x1f25c8d0bc1f4bb6u}, {3, 0x31d2363f52e564c9u},   {4, 0x9bb64b7d66ee9fdau},
           {5, 0xc7608efddb7051feu},       {7, 0x9a7b149959ce60d8u},   {8, 0xdab99d95c6f90092u},
           {9, 0x170bb6bf975b4c02u},       {12, 0xd52e407833af5133u},  {15, 0x1b47cb8243cc8e32u},
           {16, 0x434850232b787be2u},      {17, 0x1efa7025f1b97a7au},  {24, 0xc47c71bd4694ff81u},
           {31, 0xa2aa5f33cc4a6119u},      {32, 0x23c3c17ef790fd97u},  {33, 0x50a7cfc7ba588784u},
           {36, 0xc0b52b0dcc5e3f7fu},      {63, 0x5e3e54b431c7493cu},  {64, 0x0eb64b3ef6eeb01fu},
           {65, 0xa383b724b2bd12f1u},      {100, 0xa61f8d4c170fe531u}, {127, 0x0c2b3713c3edbeb3u},
           {128, 0x46fbcfbf0150793fu},     {255, 0x39ae55a29989206fu}, {256, 0x00cfc5207dd8e201u},
           {299, 0x5e6f8a0c9110e74eu},     {300, 0x240004dbee0ba6dcu},
       })
    EXPECT_EQ(hash_bytes(bytes.data(), size), hash) << size;
}

TEST(hash_bytes, of_all_sizes_up_to_300_is_xxh64) {
  const auto bytes = pattern(300);
  std::string hashes;  // little endian, one after the other, hashed again
  for (std::size_t size = 0; size <= 300; ++size) {
    const auto h = hash_bytes(bytes.data(), size);
    for (int i = 0; i < 8; ++i) hashes.push_back(static_cast<char>(h >> (8 * i)));
  }
  EXPECT_EQ(hash_of(hashes), 0x2599991c5d0d5d9bu);
}

TEST(hash_bytes, does_not_depend_on_alignment) {
  const auto bytes = pattern(120);
  for (std::size_t shift = 0; shift < 16; ++shift) {
    std::vector<unsigned char> moved(shift);
    moved.insert(moved.end(), bytes.begin(), bytes.end());
    EXPECT_EQ(hash_bytes(moved.data() + shift, 120), hash_bytes(bytes.data(), 120)) << shift;
  }
}

TEST(mix64, gives_splitmix64s_sequence) {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;
  static_assert(mix64(golden) == 0xe220a8397b1dcdafu);
  EXPECT_EQ(mix64(golden * 2), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(mix64(golden * 3), 0x06c45d188009454fu);
  EXPECT_EQ(mix64(0), 0u);
}

}  // namespace
}  // namespace freshet
