// Files into structs: orders from a CSV file, deliveries from JSON lines, and what becomes of rows that are neither.
//
// Look at: the struct is all that a spout needs; `field_names` say which columns and members its fields are, wherever
// those stand. An optional may be missing. A row that doesn't fit is a dead letter that says where and why, with the
// bytes of the row; nothing stops for it, and the others are read.
#include <filesystem>
#include <freshet/freshet.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

struct order {
  static constexpr std::string_view field_names[] = {"order", "placed", "city", "price"};
  std::int64_t number = 0;
  freshet::event_time placed{};
  std::string city;
  std::optional<double> price;
};
struct delivery {
  static constexpr std::string_view field_names[] = {"order", "driver"};
  std::int64_t order = 0;
  std::string driver;
};

void write(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

int main() try {
  const auto folder = std::filesystem::temp_directory_path() / "freshet_files_to_structs";
  std::filesystem::create_directories(folder);
  const auto orders_path = (folder / "orders.csv").string(), deliveries_path = (folder / "deliveries.jsonl").string();
  write(orders_path,
        "city,price,order,placed\n"
        "\"Oslo, \"\"Tigerstaden\"\"\",12.50,1,2024-03-01T09:00:00+01:00\n"
        "Rome,,2,2024-03-01 08:15\n"
        "Rome,12 euro,3,2024-03-01 08:20\n"
        "Lima,7.25,4,2024-03-01T08:30Z\n");
  write(deliveries_path,
        "{\"order\": 1, \"driver\": \"Ann\", \"stops\": [\"Bergen\", \"Oslo\"]}\n"
        "{\"order\": 2, \"driver\": \"Bob\"\n"
        "{\"driver\": \"Ann\", \"order\": 4}\n");

  std::map<std::string, int> delivered;
  const auto print_order = [](const order& o) {
    std::cout << "order " << o.number << " from " << o.city << " at " << o.placed.time_since_epoch().count() / 1000
              << ": " << (o.price ? std::to_string(*o.price) : "no price") << "\n";
  };
  freshet::topology_builder builder("files");
  builder.sink("print", print_order).input(builder.spout("orders", freshet::file::csv_spout<order>{orders_path}));
  builder.sink("count", [&](const delivery& d) { ++delivered[d.driver]; })
      .input(builder.spout("deliveries", freshet::file::json_spout<delivery>{deliveries_path}));
  builder.sink("malformed", [](const freshet::dead_letter& d) { std::cout << d.error << "\n  " << d.bytes << "\n"; })
      .input(builder.dead_letters());

  // One worker, so that the lines of the three sinks don't mix.
  auto run = freshet::event_executor{{.workers = 1}}.start(builder.build());
  const freshet::drain_on_signals guard{run};
  run.wait();
  for (const auto& [driver, count] : delivered) std::cout << driver << " delivered " << count << "\n";
  std::filesystem::remove_all(folder);
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
