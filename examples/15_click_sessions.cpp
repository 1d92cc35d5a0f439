// What visitors of a shop do in one go: sessions that end after 30 minutes of nothing, and how far each got.
//
// Look at visitor 0, who comes twice, and makes two sessions, though the clicks come out of order. Of 900 visitors
// every third fills a cart, and every third of those pays; every tenth comes again to look. The table at the end says
// so: it counts the sessions of everybody by how far they got, and is a window over the results of windows.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "either_engine.hpp"
#include "out_of_order.hpp"

using namespace std::chrono_literals;

enum class step { look, cart, pay };
struct click {
  int user = 0;
  freshet::event_time at{};
  step what = step::look;
};
// What is made of a session's clicks: how many there were, and the furthest step.
struct visit {
  std::uint32_t clicks = 0;
  step furthest = step::look;
};
struct make_visit {
  void add(visit& v, const click& c) const { merge(v, {1, c.what}); }
  void merge(visit& into, const visit& from) const {
    into.clicks += from.clicks;
    into.furthest = std::max(into.furthest, from.furthest);
  }
};
freshet::event_time minute(int n) { return freshet::event_time{std::chrono::minutes(n)}; }
std::string name_of(step s) { return s == step::look ? "looked" : s == step::cart ? "filled a cart" : "paid"; }

// A visitor comes each minute, and clicks every seven.
std::vector<click> clicks() {
  std::vector<click> all;
  for (int user = 0; user < 900; ++user) {
    for (int look = 0; look < 3; ++look) all.push_back({user, minute(user + look * 7)});
    if (user % 3 == 0) all.push_back({user, minute(user + 21), step::cart});
    if (user % 9 == 0) all.push_back({user, minute(user + 28), step::pay});
    if (user % 10 == 0) all.push_back({user, minute(user + 90)});
  }
  return out_of_order(all, &click::at, 10min);
}

int main(int argc, char** argv) {
  freshet::stream_builder builder{"clicks"};
  const auto visits = builder.spout("clicks", freshet::vector_spout<click>{clicks()})
                          .event_time(&click::at, {.bound = 10min})
                          .key_by(&click::user)
                          .window(freshet::sessions{30min})
                          .aggregate("visits", make_visit{}, {.parallelism = 2});
  using result = freshet::windowed<int, visit>;
  const auto funnel =
      visits.key_by([](const result& r) { return r.value.furthest; }).window(freshet::tumbling{24h}).count("funnel");

  std::mutex mutex;
  std::set<std::string> lines;
  visits.to("sessions", [&](const result& r) {
    if (r.key >= 4) return;
    const auto first = std::chrono::floor<std::chrono::minutes>(r.window.start.time_since_epoch()).count();
    const auto last = std::chrono::floor<std::chrono::minutes>(r.window.end.time_since_epoch()).count() - 30;
    std::lock_guard lock(mutex);
    lines.insert("visitor " + std::to_string(r.key) + ", minute " + std::to_string(first) + " to " +
                 std::to_string(last) + ": " + std::to_string(r.value.clicks) + " clicks, " +
                 name_of(r.value.furthest));
  });
  std::map<step, std::uint64_t> how_far;
  funnel.to("how far", [&](const freshet::windowed<step, std::uint64_t>& r) {
    std::lock_guard lock(mutex);
    how_far[r.key] += r.value;
  });

  const int status = run_on_either_engine(argc, argv, "Sessions of clicks, and a funnel of them.", builder.build());
  for (const auto& line : lines) std::cout << line << '\n';
  for (const auto& [furthest, sessions] : how_far) std::cout << name_of(furthest) << ": " << sessions << " sessions\n";
  return status;
}
