// A spout of your own that can read again: measurements of a fixed size in a binary file.
//
// Look at: `poll` emits as much as there is room for and names each record's position; `read` emits a range once more,
// when something behind it has failed; `seek` goes on from where an earlier run had committed; `commit` says how far
// everything is finished. With these a run loses nothing and keeps nothing in memory for it. The second run goes on
// where the first was ended.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <freshet/freshet.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct measurement {
  std::int64_t at = 0;
  double celsius = 0;
};

class measurement_spout {
 public:
  explicit measurement_spout(std::string path) : path_(std::move(path)) {}

  // Stable names; the engine deals the partitions to the spout's tasks, and each learns its own in `open`.
  std::vector<std::string> partitions() const { return {path_}; }

  // What throws here is an error of `start`, with the name of the spout's node.
  void open(const freshet::task_context& context) {
    if (context.partitions.empty()) return;  // more tasks than partitions
    partition_ = context.partitions[0].id;
    file_ = std::make_shared<std::ifstream>(path_, std::ios::binary);
    if (!*file_) throw std::runtime_error("cannot open " + path_);
    count_ = std::filesystem::file_size(path_) / sizeof(measurement);
    next_ = committed();
    std::cout << context.node << ": " << count_ << " records, from record " << next_ << " on\n";
  }
  freshet::poll_status poll(freshet::spout_emitter<measurement>& out) {
    const auto end = std::min<std::uint64_t>(count_, next_ + std::max<std::size_t>(out.room(), 1));
    emit(next_, end, out);
    next_ = end;
    return next_ == count_ ? freshet::poll_status::ended() : freshet::poll_status::emitted();
  }
  // Between polls, and without disturbing them: `next_` stays.
  void read(const freshet::position_range& range, freshet::spout_emitter<measurement>& out) {
    std::cout << "reading again: record " << range.from << "\n";
    emit(range.from, range.to, out);
  }
  void seek(const freshet::position& p) { next_ = p.offset; }
  // What would be a consumer group's offset at a broker is a small file here.
  void commit(const freshet::position& p) {
    std::ofstream(path_ + ".position") << p.next;
    std::cout << "committed: " << p.next << " records are finished\n";
  }

 private:
  void emit(std::uint64_t from, std::uint64_t to, freshet::spout_emitter<measurement>& out) {
    measurement m;
    file_->clear();
    file_->seekg(static_cast<std::streamoff>(from * sizeof m));
    for (auto i = from; i < to; ++i) {
      if (!file_->read(reinterpret_cast<char*>(&m), sizeof m)) throw std::runtime_error(path_ + ": was cut");
      out.emit({partition_, i, i + 1}, m);  // {partition, offset, where the next begins}
    }
  }
  std::uint64_t committed() const {
    std::uint64_t n = 0;
    std::ifstream(path_ + ".position") >> n;
    return n;
  }

  std::string path_;
  std::shared_ptr<std::ifstream> file_;  // a spout is copied, once a task, before it is opened
  freshet::partition_id partition_ = 0;
  std::uint64_t count_ = 0, next_ = 0;
};
static_assert(freshet::replayable_spout<measurement_spout> && freshet::partitioned_spout<measurement_spout>);

void append(const std::string& path, std::int64_t from, std::int64_t to) {
  std::ofstream file(path, std::ios::binary | std::ios::app);
  for (auto i = from; i < to; ++i) {
    const measurement m{i, 20.0 + static_cast<double>(i % 7)};
    file.write(reinterpret_cast<const char*>(&m), sizeof m);
  }
}

// Ctrl-C ends it early: what was read is finished and committed, and the next run goes on there.
void run_to_the_end(const freshet::topology& graph) {
  auto run = freshet::event_executor{{.workers = 1, .retry = {.first = 1ms}}}.start(graph);
  const freshet::drain_on_signals guard{run};
  run.wait();
}

int main() try {
  const auto folder = std::filesystem::temp_directory_path() / "freshet_custom_spout";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto path = (folder / "measurements").string();

  std::set<std::int64_t> failed, seen;
  const auto check = [&](const measurement& m) {
    if (m.at % 40 == 3 && failed.insert(m.at).second) throw std::runtime_error("once");
    seen.insert(m.at);
  };
  freshet::topology_builder builder("custom spout");
  builder.sink("check", check).input(builder.spout("measurements", measurement_spout{path}));
  const auto graph = builder.build();

  append(path, 0, 100);
  run_to_the_end(graph);
  append(path, 100, 150);
  run_to_the_end(graph);
  std::cout << "seen " << seen.size() << " of 150 measurements\n";
  std::filesystem::remove_all(folder);
  return seen.size() == 150 ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
