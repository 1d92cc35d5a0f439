#include <benchmark/benchmark.h>

#include "event/ledger.hpp"

namespace freshet {
namespace {

/// One spout batch: opened, counted, settled by its readers in `runs` pieces, taken back.
void batch_cycle(benchmark::State& state) {
  ledger book;
  auto& lane = book.add_lane(65'536, {});
  const auto messages = static_cast<std::int32_t>(state.range(0));
  for (auto _ : state) {
    const auto slot = lane.open();
    book.settle(slot, messages - ledger::open_bias);
    book.settle(slot, -messages);
    lane.take_completed([&](std::uint32_t s) { lane.close(s); });
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(batch_cycle)->Name("ledger/batch_cycle")->ArgName("messages")->Arg(1)->Arg(256);

void settle_shared(benchmark::State& state) {
  static ledger book;
  static auto& lane = book.add_lane(16, {});
  static const std::uint32_t slot = lane.open();
  for (auto _ : state) {
    book.settle(slot, 1);
    book.settle(slot, -1);
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(settle_shared)->Name("ledger/settle_one_slot")->Threads(1)->Threads(2)->UseRealTime();

void fail(benchmark::State& state) {
  ledger book;
  auto& lane = book.add_lane(16, {});
  const auto slot = lane.open();
  for (auto _ : state) {
    book.post({slot, 0}, 0, 0, {errc::user_function, "no"});
    lane.take_failures([](ledger::failure&) {});
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(fail)->Name("ledger/post_failure");

}  // namespace
}  // namespace freshet
