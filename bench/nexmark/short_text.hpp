#pragma once
#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <ostream>
#include <string_view>

namespace freshet::nexmark {

/// Text of at most `Capacity` characters, none of them zero, in place: it is copied as a block of memory and never
/// allocates. The rest is zeros, so the order of the bytes is the order of the text.
template <std::size_t Capacity>
struct short_text {
  std::array<char, Capacity> characters{};

  /// REQUIRES: text.size() <= Capacity.
  static constexpr short_text of(std::string_view text) noexcept {
    short_text made;
    std::copy(text.begin(), text.end(), made.characters.begin());
    return made;
  }
  constexpr std::string_view view() const noexcept {
    const auto end = std::find(characters.begin(), characters.end(), '\0');
    return {characters.data(), static_cast<std::size_t>(end - characters.begin())};
  }

  friend constexpr auto operator<=>(const short_text&, const short_text&) = default;
  friend constexpr bool operator==(const short_text&, const short_text&) = default;
  friend constexpr bool operator==(const short_text& a, std::string_view b) noexcept { return a.view() == b; }
  friend std::ostream& operator<<(std::ostream& out, const short_text& t) { return out << t.view(); }
};

}  // namespace freshet::nexmark
