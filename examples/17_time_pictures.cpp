// The pictures of the guide to event time (examples/time.md), drawn from a run.
//
// Each dot is a tuple: to the right by its own time, downwards as it arrived. The line is the watermark of its
// partition just before it, the tuple's stamp; red is who came too late. Below are the windows that the run has given,
// with the number of their tuples. The first pictures show the dots alone, and each with its stamp. Call it with a
// directory to write the pictures to; without one it says what it would draw.
#include <algorithm>
#include <filesystem>
#include <freshet/freshet.hpp>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct tuple {
  int number = 0;  // of arrival
  freshet::event_time at{};
};
struct dot {
  int number = 0;
  std::int64_t time = 0, stamp = 0;
  bool late = false;
};
struct span {
  std::int64_t start = 0, end = 0;
  std::uint64_t tuples = 0;
};
struct picture {
  std::vector<dot> dots;
  std::vector<span> windows;
};

std::int64_t number_of(freshet::event_time t) { return t.time_since_epoch().count(); }

// One run: tuples at these times, as they arrive, at most 10 out of order.
template <class Windows>
picture run(const std::vector<int>& times, Windows windows, freshet::event_span allowed_lateness = {}) {
  std::vector<tuple> tuples;
  for (int t : times)
    tuples.push_back({static_cast<int>(tuples.size()), freshet::event_time{std::chrono::milliseconds(t)}});
  freshet::stream_builder builder{"picture"};
  const auto timed =
      builder.spout("tuples", freshet::vector_spout<tuple>{tuples}).event_time(&tuple::at, {.bound = 10ms});
  const auto counts = timed.key_by([](const tuple&) { return 0; })
                          .window(windows, {.allowed_lateness = allowed_lateness})
                          .count("windows");
  freshet::collect_sink<dot> dots;
  freshet::collect_sink<freshet::windowed<int, std::uint64_t>> results;
  freshet::collect_sink<freshet::late_tuple<tuple>> late;
  timed
      .process("look",
               [](const tuple& t, freshet::emitter<dot>& out) {
                 out.emit({t.number, number_of(out.time()), number_of(out.stamp()), false});
               })
      .to("dots", dots);
  counts.to("results", results);
  counts.late().to("late", late);
  auto run = freshet::event_executor{}.start(builder.build());
  const freshet::drain_on_signals guard{run};  // Ctrl-C: what was read is finished
  run.wait();

  picture p{dots.take(), {}};
  std::sort(p.dots.begin(), p.dots.end(), [](auto& a, auto& b) { return a.number < b.number; });
  for (const auto& l : late.take()) p.dots[static_cast<std::size_t>(l.value.number)].late = true;
  for (const auto& r : results.take())
    p.windows.push_back({number_of(r.window.start), number_of(r.window.end), r.value});
  std::sort(p.windows.begin(), p.windows.end(), [](auto& a, auto& b) { return a.start < b.start; });
  return p;
}

constexpr int unit = 8, row = 16, left = 40, top = 30;
std::int64_t x(std::int64_t time) { return left + std::clamp<std::int64_t>(time, -4, 76) * unit; }

void draw_windows(std::ostream& svg, const picture& p, std::int64_t y) {
  for (std::size_t i = 0; i < p.windows.size(); ++i) {
    const auto& w = p.windows[i];
    const auto at = y + static_cast<std::int64_t>(i % 3) * 24;  // hopping ones lie over one another
    svg << "<rect x='" << x(w.start) + 1 << "' y='" << at << "' width='" << x(w.end) - x(w.start) - 2
        << "' height='20' rx='3' fill='#dfe9f5' stroke='#3b6ea5'/>\n<text x='" << (x(w.start) + x(w.end)) / 2 << "' y='"
        << at + 14 << "' text-anchor='middle'>" << w.tuples << "</text>\n";
  }
}

enum class shows { times, stamps, windows };

std::string svg_of(const picture& p, const std::string& title, shows what = shows::windows) {
  const auto below = top + static_cast<std::int64_t>(p.dots.size()) * row + 10;
  std::ostringstream svg;
  svg << "<svg xmlns='http://www.w3.org/2000/svg' width='" << x(76) << "' height='"
      << below + (what == shows::windows ? 80 : 0)
      << "' font-family='sans-serif' font-size='12'>\n<rect width='100%' height='100%' fill='white'/>\n<text x='"
      << left << "' y='14'>" << title << "</text>\n";
  for (int t = 0; t <= 70; t += 10)
    svg << "<line x1='" << x(t) << "' y1='" << top - 8 << "' x2='" << x(t) << "' y2='" << below
        << "' stroke='#dddddd'/>\n<text x='" << x(t) << "' y='" << top - 2 << "' text-anchor='middle' fill='#888888'>"
        << t << "</text>\n";
  if (what != shows::times) {
    svg << "<polyline fill='none' stroke='#e08e0b' stroke-width='2' points='";
    for (const auto& d : p.dots)
      svg << x(d.stamp) << ',' << top + d.number * row << ' ' << x(d.stamp) << ',' << top + (d.number + 1) * row << ' ';
    svg << "'/>\n";
  }
  for (const auto& d : p.dots) {
    const auto y = top + d.number * row + row / 2;
    if (what == shows::stamps)
      svg << "<line x1='" << x(d.stamp) << "' y1='" << y << "' x2='" << x(d.time) << "' y2='" << y
          << "' stroke='#e08e0b' stroke-dasharray='2'/>\n";
    svg << "<circle cx='" << x(d.time) << "' cy='" << y << "' r='5' fill='"
        << (d.late && what == shows::windows ? "#c0392b" : "#2c7a3f") << "'/>\n";
  }
  if (what == shows::windows) draw_windows(svg, p, below);
  svg << "</svg>\n";
  return svg.str();
}

int main(int argc, char** argv) {
  const std::vector<int> times{2, 9, 5, 14, 11, 26, 18, 12, 31, 24, 47, 33, 19, 30, 52, 58, 41, 66};
  const auto plain = run(times, freshet::tumbling{20ms});
  const auto patient = run(times, freshet::tumbling{20ms}, 20ms);
  const std::pair<std::string, std::string> pictures[] = {
      {"event_time.svg", svg_of(plain, "event time, to the right, against the order of arrival", shows::times)},
      {"stamps.svg", svg_of(plain, "from each tuple to its stamp: what was there before, less 10 ms", shows::stamps)},
      {"tumbling.svg", svg_of(plain, "tumbling{20ms}, bound 10 ms")},
      {"lateness.svg", svg_of(patient, "the same with an allowed lateness of 20 ms")},
      {"hopping.svg", svg_of(run(times, freshet::hopping{20ms, 10ms}), "hopping{20ms, 10ms}, bound 10 ms")},
      {"sessions.svg", svg_of(run(times, freshet::sessions{5ms}), "sessions{5ms}, bound 10 ms")}};
  for (const auto& [name, svg] : pictures) {
    if (argc < 2) {
      std::cout << name << ": " << svg.size() << " bytes, "
                << (svg.find("#c0392b") == std::string::npos ? "nobody" : "somebody") << " came too late\n";
      continue;
    }
    std::filesystem::create_directories(argv[1]);
    std::ofstream out(std::filesystem::path(argv[1]) / name, std::ios::binary);
    if (!(out << svg) || !out.flush()) {
      std::cerr << "can't write " << name << " to " << argv[1] << '\n';
      return 1;
    }
  }
}
