#include "arguments.hpp"

#include <charconv>
#include <string_view>

namespace demo {

namespace {

template <class T>
T number(std::string_view option, std::string_view text, T least, T most, const char* allowed) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most))
    throw usage_error(std::string(option) + ' ' + std::string(text) + ": give " + allowed);
  return value;
}

}  // namespace

arguments parse(int argc, char** argv) {
  arguments a;
  bool options_over = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view given = argv[i];
    if (options_over || given.size() < 2 || given.front() != '-') {
      a.files.emplace_back(given);
      continue;
    }
    const auto equals = given.find('=');
    const auto name = given.substr(0, equals);
    const auto value = [&]() -> std::string_view {
      if (equals != std::string_view::npos) return given.substr(equals + 1);
      if (i + 1 == argc) throw usage_error(std::string(name) + " needs a value");
      return argv[++i];
    };
    if (given == "--") options_over = true;
    else if (given == "-h" || given == "--help") a.help = true;
    else if (name == "--repeat")
      a.repeat = number<std::size_t>(name, value(), 1, 1'000'000, "how often to read the text, 1 to 1000000");
    else if (name == "--seconds")
      a.row_time = std::chrono::duration<double>(
          number<double>(name, value(), 0.1, 60, "the seconds for a row of the latency table, 0.1 to 60"));
    else
      throw usage_error("there is no option " + std::string(given) + " (a file of that name: -- " + std::string(given) +
                        ")");
  }
  return a;
}

const char* usage() {
  return R"(freshet-demo [OPTIONS] [FILE...]

Counts the words of text files by one topology, on both engines: one event at a time, and in micro-batches. Shows how
fast each was, whether they agree, and what latency each batch interval costs. Without a FILE it reads the licence
texts in /usr/share/common-licenses. Ctrl-C finishes what is under way and shows what is known by then.

  --repeat N     read the text N times (default: as often as makes 48 MiB of it)
  --seconds S    for each row of the latency table, 0.1 to 60 (default: 1)
  -h, --help     this text

Exit status: 0 both answers are the same; 1 they are not, or a run failed; 2 wrong arguments or unusable files;
128 + signal when interrupted.
)";
}

}  // namespace demo
