#include "fuzz/mutation.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace freshet::fuzz {

namespace {

/// Where sums, products and signs go wrong, and lengths that nobody has.
constexpr std::array<std::uint64_t, 16> numbers = {0,
                                                   1,
                                                   2,
                                                   0x7f,
                                                   0x80,
                                                   0xff,
                                                   0x7fff,
                                                   0xffff,
                                                   0x7fff'ffff,
                                                   0x8000'0000,
                                                   0xffff'ffff,
                                                   std::uint64_t{1} << 40,
                                                   std::uint64_t{1} << 60,
                                                   0x7fff'ffff'ffff'ffff,
                                                   0x8000'0000'0000'0000,
                                                   ~std::uint64_t{0}};
/// What formats of text end, begin or count by.
constexpr std::array<std::string_view, 16> words = {"\"",          "\"\"",  ",",        "\n",   "\r\n",
                                                    "{",           "}",     "[[[[[[[[", "\\",   "\\ud800",
                                                    "-",           "1e999", "nan",      "null", "99999999999999999999",
                                                    "\xEF\xBB\xBF"};

class mutation {
 public:
  mutation(const std::vector<std::string>& seeds, random_source& random)
      : seeds_(seeds), random_(random), bytes_(seeds[random.below(seeds.size())]) {}

  void step() {
    switch (random_.below(10)) {
      case 0:
      case 1:
        return flip();
      case 2:
      case 3:
        return replace_number();
      case 4:
        return add_to_number();
      case 5:
        return insert(words[random_.below(words.size())]);
      case 6:
        return insert_noise();
      case 7:
        return cut();
      case 8:
        return repeat();
      default:
        return splice();
    }
  }
  std::string take() {
    bytes_.resize(std::min(bytes_.size(), most_input_bytes));
    return std::move(bytes_);
  }

 private:
  /// A place in the bytes, or behind them.
  std::size_t place() { return random_.below(bytes_.size() + 1); }

  void flip() {
    if (bytes_.empty()) return insert_noise();
    auto& byte = bytes_[random_.below(bytes_.size())];
    byte = static_cast<char>(byte ^ (1 << random_.below(8)));
  }
  /// `change` gets a number of 1, 2, 4 or 8 bytes, in little-endian order, and gives another.
  template <class F>
  void change_number(F change) {
    const std::size_t width = std::size_t{1} << random_.below(4);
    if (bytes_.size() < width) return insert_noise();
    const auto at = random_.below(bytes_.size() - width + 1);
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < width; ++i)
      number |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at + i])) << (8 * i);
    number = change(number);
    for (std::size_t i = 0; i < width; ++i) bytes_[at + i] = static_cast<char>(number >> (8 * i));
  }
  void replace_number() {
    const bool of_size = random_.below(4) == 0;  // lengths that are wrong by little
    const auto to = of_size ? bytes_.size() + random_.below(3) - 1 : numbers[random_.below(numbers.size())];
    change_number([&](std::uint64_t) { return to; });
  }
  void add_to_number() {
    const auto by = random_.below(33) - 16;
    change_number([&](std::uint64_t n) { return n + by; });
  }
  void insert(std::string_view text) { bytes_.insert(place(), text); }
  void insert_noise() {
    std::string noise(1 + random_.below(12), '\0');
    for (auto& each : noise) each = static_cast<char>(random_.below(256));
    insert(noise);
  }
  /// The end, or a piece.
  void cut() {
    const auto from = place();
    bytes_.erase(from, random_.below(2) ? std::string::npos : 1 + random_.below(16));
  }
  void repeat() {
    const auto from = place();
    const auto piece = bytes_.substr(from, 1 + random_.below(64));
    const auto to = place();
    for (auto times = 1 + random_.below(4); times > 0 && bytes_.size() < most_input_bytes; --times)
      bytes_.insert(to, piece);
  }
  void splice() {
    const auto& other = seeds_[random_.below(seeds_.size())];
    bytes_.resize(place());
    bytes_ += std::string_view(other).substr(random_.below(other.size() + 1));
  }

  const std::vector<std::string>& seeds_;
  random_source& random_;
  std::string bytes_;
};

}  // namespace

std::string mutated(const std::vector<std::string>& seeds, random_source& random) {
  mutation m(seeds, random);
  // Mostly one, which gets far; several where one is made good by another.
  for (auto steps = std::size_t{1} << random.below(4); steps > 0; --steps) m.step();
  return m.take();
}

}  // namespace freshet::fuzz
