#include <cstdint>
#include <freshet/freshet.hpp>
#include <string>

// A library that runs topologies on both engines, and shows none of it to those who use it.
namespace {

template <class Executor>
std::int64_t sum_on(const Executor& executor) {
  struct add_up {
    using state = std::int64_t;
    void process(const std::int64_t& n, state& sum, freshet::emitter<std::int64_t>& out) { out.emit(sum += n); }
  };
  freshet::collect_sink<std::int64_t> sums;
  freshet::topology_builder builder("service");
  auto numbers = builder.spout("numbers", freshet::vector_spout<std::int64_t>{{1, 2, 3, 4}});
  builder.sink("sums", sums).input(builder.bolt("add up", add_up{}).input(numbers, freshet::global_grouping{}));
  executor.start(builder.build()).wait();
  return sums.values().back();
}

}  // namespace

const char* service_version() { return FRESHET_VERSION; }

std::string service_problem() {
  if (const auto sum = sum_on(freshet::event_executor{}); sum != 10) return "event: " + std::to_string(sum);
  if (const auto sum = sum_on(freshet::batch_executor{}); sum != 10) return "batch: " + std::to_string(sum);
  return {};
}
