// Keeps more keys than memory has room for: the states that were used last at hand, all of them in RocksDB.
//
// Look at the option `store`, the one difference to a count in memory; and at the last lines: of a quarter of a million
// keys the tables in memory hold what fits into 4 MiB, the rest is in files, which are gone when the run is. A part of
// the keys comes again and again, as visitors do: those are found in memory.
#include <cstdint>
#include <exception>
#include <filesystem>
#include <freshet/freshet.hpp>
#include <freshet/state/rocksdb_store.hpp>
#include <iostream>
#include <string>

constexpr std::uint64_t visits = 500'000, visitors = 2'000'000, regulars = 10'000;

/// Every other visit is a regular's.
std::uint64_t visitor_of(std::uint64_t visit) {
  const std::uint64_t some = freshet::mix64(visit);
  return visit % 2 ? some % visitors : some % regulars;
}

struct visitor {
  std::uint64_t visits = 0;
  std::uint64_t last_visit = 0;
  std::string remembered_as;
};
struct greet {
  using state = visitor;
  std::uint64_t process(std::uint64_t visit, visitor& v) {
    if (v.visits++ == 0) v.remembered_as = "the visitor who first came with visit " + std::to_string(visit);
    v.last_visit = visit;
    return v.visits;
  }
};

std::uintmax_t bytes_in(const std::filesystem::path& dir) {
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(dir))
    bytes += file.is_regular_file() ? file.file_size() : 0;
  return bytes;
}

int main() try {
  const auto dir = std::filesystem::temp_directory_path() / "freshet_example_23";
  {
    freshet::stream_builder builder("visitors");
    std::uint64_t known = 0;
    builder.spout("visits", freshet::generator_spout{[](std::uint64_t i) { return i; }, {.count = visits}})
        .key_by(visitor_of)
        .process("greet", greet{}, {.parallelism = 2})
        .global()
        .to("known", [&](std::uint64_t n) { known += n > 1; });

    const auto store = freshet::rocksdb::store({.dir = dir, .cache_bytes = 2u << 20, .memory_bytes = 8u << 20});
    auto run = freshet::event_executor{{.store = store}}.start(builder.build());
    const freshet::drain_on_signals guard{run};  // Ctrl-C: the folder goes with the run
    run.wait();

    const auto m = run.metrics().node("greet");
    constexpr auto MiB = 1 << 20;
    std::cout << m.executed << " visits, " << known << " of them by somebody who is known\n"
              << m.state_rows << " visitors, " << m.state_bytes / MiB << " MiB of tables in memory, "
              << bytes_in(dir) / MiB << " MiB of files\n";
    const auto first = run.query<visitor>("greet", visitor_of(7));
    std::cout << (first ? first->remembered_as : "nobody") << '\n';
  }
  // The folder stays where it was there before, as behind a run that was killed.
  const bool has_files = std::filesystem::exists(dir) && !std::filesystem::is_empty(dir);
  std::cout << (has_files ? "the files are still there\n" : "the files are gone\n");
  return 0;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
