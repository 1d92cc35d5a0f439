#include "report.hpp"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <vector>

namespace demo {

std::string grouped(std::uint64_t n) {
  auto digits = std::to_string(n);
  for (auto at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string readable(std::uint64_t ns) {
  char buffer[32];
  const auto value = static_cast<double>(ns);
  if (ns < 1'000'000) std::snprintf(buffer, sizeof buffer, "%.1f us", value / 1e3);
  else if (ns < 1'000'000'000)
    std::snprintf(buffer, sizeof buffer, ns < 10'000'000 ? "%.2f ms" : "%.1f ms", value / 1e6);
  else std::snprintf(buffer, sizeof buffer, "%.2f s", value / 1e9);
  return buffer;
}

void print(const text& from) {
  std::cout << "Text: " << from.files.size() << (from.files.size() == 1 ? " file" : " files") << ", read "
            << grouped(from.repeat) << (from.repeat == 1 ? " time: " : " times: ") << std::fixed << std::setprecision(1)
            << static_cast<double>(from.bytes) / (1 << 20) << " MiB, " << grouped(from.lines) << " lines, "
            << grouped(from.words) << " words\n\n";
}

void print(const outcome& o) {
  std::vector<std::pair<std::string, std::uint64_t>> top(std::min<std::size_t>(10, o.counts.size()));
  std::partial_sort_copy(o.counts.begin(), o.counts.end(), top.begin(), top.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  std::cout << o.engine << '\n'
            << "  words     " << grouped(o.words) << ", " << grouped(o.counts.size()) << " distinct\n"
            << "  top " << std::left << std::setw(4) << top.size() << std::right << " ";
  for (std::size_t i = 0; i < top.size(); ++i) {
    if (i) std::cout << (i % 5 ? "," : ",\n            ");
    std::cout << (i % 5 ? " " : "") << top[i].first << ' ' << grouped(top[i].second);
  }
  std::cout << '\n'
            << std::fixed << std::setprecision(2) << "  time      " << o.took.count() << " s, "
            << grouped(static_cast<std::uint64_t>(static_cast<double>(o.words) / o.took.count())) << " words/s\n"
            << "  latency   p50 " << readable(o.p50_ns) << ", p99 " << readable(o.p99_ns)
            << "  (of a line at full load: mostly waiting)\n\n";
}

bool print_comparison(const word_counts& of_loop, const outcome& event, const outcome& batch) {
  const auto differences = [&](const outcome& o) {
    std::size_t n = 0;
    for (const auto& [word, count] : of_loop) {
      const auto at = o.counts.find(word);
      n += at == o.counts.end() || at->second != count;
    }
    for (const auto& [word, count] : o.counts) n += of_loop.count(word) == 0;
    return n;
  };
  const auto of_event = differences(event), of_batch = differences(batch);
  if (of_event == 0 && of_batch == 0)
    std::cout << "Both answers are the same, word for word, and the same as a plain loop's.\n\n";
  else
    std::cout << "THE ANSWERS DIFFER from a plain loop's: " << of_event << " words by " << event.engine << ", "
              << of_batch << " words by " << batch.engine << ".\n\n";
  return of_event == 0 && of_batch == 0;
}

}  // namespace demo
