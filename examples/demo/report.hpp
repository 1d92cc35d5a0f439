#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "text.hpp"

namespace demo {

/// What one engine made of the text.
struct outcome {
  std::string engine;
  word_counts counts;
  std::uint64_t words = 0;
  std::chrono::duration<double> took{};
  std::uint64_t p50_ns = 0, p99_ns = 0;  ///< from reading a line to the last of its words in the table
};

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t n);
/// Nanoseconds in the unit that keeps them short: "12.3 us", "4.56 ms".
std::string readable(std::uint64_t ns);

void print(const text& from);
void print(const outcome& o);
/// Says whether both engines gave the answer of a plain loop. True: they did.
bool print_comparison(const word_counts& of_loop, const outcome& event, const outcome& batch);

}  // namespace demo
