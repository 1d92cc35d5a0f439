// Sensors that say something unusual: readings more than five standard deviations from what their sensor said before.
//
// Look at the radios: they send every tenth reading twice, and out of order. `deduplicate` lets one of each pass, and
// `ordered` gives them to the rule in the order of their times, so that "before" is a matter of the data, and the
// answer the same on both engines. The rule's state is the mean and the spread of one sensor, in three numbers.
#include <cmath>
#include <freshet/base/random.hpp>
#include <iomanip>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "either_engine.hpp"

using namespace std::chrono_literals;

struct reading {
  std::uint32_t sensor = 0;
  freshet::event_time at{};
  double celsius = 0;
};

struct unusual_readings {
  using state = freshet::aggregates::moments;
  static constexpr std::uint64_t warm_up = 30;

  void process(const reading& r, state& usual, freshet::emitter<std::string>& out) {
    const double off = (r.celsius - usual.mean) / usual.sample_deviation();
    if (usual.count >= warm_up && std::abs(off) > 5) {
      std::ostringstream line;
      line << "sensor " << r.sensor << ", second " << r.at.time_since_epoch() / 1s << std::fixed << std::setprecision(1)
           << ": " << r.celsius << " C, where " << usual.mean << " is usual";
      return out.emit(line.str());  // and not learnt from
    }
    usual.add(r.celsius);
  }
};

// Four sensors, once a second for ten minutes, around 20, 21, 22 and 23 degrees. Two are wrong once.
std::vector<reading> readings() {
  freshet::random_source random(7);
  std::vector<reading> all;
  for (int second = 0; second < 600; ++second)
    for (std::uint32_t sensor = 0; sensor < 4; ++sensor) {
      double noise = 0;
      for (int i = 0; i < 12; ++i) noise += random.uniform01() - 0.5;  // about normal, with deviation 1
      const bool is_wrong = (sensor == 1 && second == 200) || (sensor == 3 && second == 451);
      const reading r{sensor, freshet::event_time{std::chrono::seconds(second)},
                      20 + sensor + noise / 2 + (is_wrong ? 8 : 0)};
      all.push_back(r);
      if (second % 10 == 0) all.push_back(r);
      if (all.size() > 5 && random.chance(0.3)) std::swap(all.back(), all[all.size() - 6]);
    }
  return all;
}

int main(int argc, char** argv) {
  std::mutex mutex;
  std::set<std::string> lines;
  std::uint64_t duplicates = 0;

  freshet::stream_builder builder{"sensors"};
  const auto unique = builder.spout("readings", freshet::vector_spout<reading>{readings()})
                          .event_time(&reading::at, {.bound = 30s})
                          .key_by([](const reading& r) { return std::tuple(r.sensor, r.at); })
                          .deduplicate("unique", 0s, {.parallelism = 2});
  unique.key_by(&reading::sensor)
      .ordered()
      .process("unusual", unusual_readings{}, {.parallelism = 2})
      .to("lines", [&](const std::string& line) {
        std::lock_guard lock(mutex);
        lines.insert(line);
      });
  unique.duplicates().to("sent twice", [&](const reading&) { ++duplicates; });

  const int status = run_on_either_engine(argc, argv, "Readings that are not as usual.", builder.build());
  for (const auto& line : lines) std::cout << line << '\n';
  std::cout << duplicates << " readings were sent twice\n";
  return status;
}
