// One topology, two engines: the same value runs one event at a time and in batches.
//
// Look at: `sales` is built once and names no engine. What differs is when results come: the event engine gives a new
// row for every order, the batch engine one for every batch and shop (`combine` does that). The last row of
// each shop, the answer, is the same.
#include <chrono>
#include <cstdint>
#include <freshet/freshet.hpp>
#include <iostream>
#include <map>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct order {
  std::string shop;
  std::int64_t cents = 0;
};
struct sum_of_cents {
  void add(std::int64_t& sum, const order& o) const { sum += o.cents; }
  void merge(std::int64_t& into, std::int64_t from) const { into += from; }
};
using shop_sales = freshet::keyed<std::string, std::int64_t>;

struct outcome {
  std::map<std::string, std::int64_t> sales;
  std::size_t rows = 0;
};

outcome wait_for(freshet::topology_run run, freshet::collect_sink<shop_sales>& rows) {
  const freshet::drain_on_signals guard{run};  // Ctrl-C: what was read is finished
  run.wait();
  outcome o;
  for (const auto& row : rows.take()) {
    o.sales[row.key] = row.value;
    ++o.rows;
  }
  return o;
}

int main() {
  const auto make_order = [](std::uint64_t i) {
    static const std::vector<std::string> shops{"Oslo", "Porto", "Quito"};
    return order{shops[i % shops.size()], static_cast<std::int64_t>(i % 100)};
  };
  freshet::collect_sink<shop_sales> rows;
  freshet::stream_builder builder("sales");
  builder.spout("orders", freshet::generator_spout{make_order, {.count = 30'000}})
      .key_by(&order::shop)
      .combine()
      .aggregate("sum", sum_of_cents{}, {.parallelism = 2})
      .to("rows", rows, {.parallelism = 2});
  const freshet::topology sales = builder.build();

  const outcome live = wait_for(freshet::event_executor{}.start(sales), rows);
  const outcome batched = wait_for(freshet::batch_executor{{.interval = 10ms}}.start(sales), rows);

  for (const auto& [shop, cents] : live.sales) std::cout << shop << ' ' << cents << " cents\n";
  std::cout << "event engine: " << live.rows << " rows, batch engine: " << batched.rows << " rows\n";
  const bool same = live.sales == batched.sales;
  std::cout << (same ? "the same answer" : "DIFFERENT ANSWERS") << '\n';
  return same ? 0 : 1;
}
