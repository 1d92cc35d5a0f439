// Words of a Kafka topic, counted into another. Look at `count_words`: spout and sink stand where those of files stood.
// It is run by the one engine, then by the other, and both leave the same counts.
//
//     28_kafka_word_count              starts a broker for itself (Java and Maven are needed)
//     28_kafka_word_count SERVERS      uses the broker at SERVERS, and the topics words.in and words.out there
#include <cctype>
#include <freshet/connect/kafka/sink.hpp>
#include <freshet/connect/kafka/spout.hpp>
#include <freshet/freshet.hpp>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "kafka/local_broker.hpp"

namespace kafka = freshet::kafka;

using word_count = freshet::keyed<std::string, std::uint64_t>;

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words(1);
  for (const char c : line)
    if (std::isalpha(static_cast<unsigned char>(c))) words.back() += static_cast<char>(std::tolower(c));
    else if (!words.back().empty()) words.emplace_back();
  if (words.back().empty()) words.pop_back();
  return words;
}

/// A text into the topic, line by line.
freshet::topology write_lines(const std::string& servers, const std::string& path) {
  freshet::stream_builder builder{"write lines"};
  builder.spout("lines", freshet::file::line_spout{path})
      .to("words.in", kafka::sink<std::string>{{.servers = servers, .topic = "words.in"}});
  return builder.build();
}

/// Reads what is there when it starts. A word is the key of its counts, so that they are in one partition, in order,
/// and a compacted topic keeps the last.
freshet::topology count_words(const std::string& servers) {
  freshet::stream_builder builder{"count words"};
  builder.spout("words.in", kafka::spout<std::string>{{.servers = servers, .topics = {"words.in"}, .bounded = true}})
      .flat_map("words", words_of)
      .key_by(std::identity{})
      .count("count", {.parallelism = 2})
      .to("words.out",
          kafka::sink{{.servers = servers, .topic = "words.out"}, kafka::with_key(&word_count::key, kafka::json{})});
  return builder.build();
}

/// The last count of each word that is in the topic.
std::map<std::string, std::uint64_t> counts(const std::string& servers) {
  freshet::topology_builder builder{"read counts"};
  freshet::collect_sink<word_count> rows;
  builder.sink("rows", rows)
      .input(builder.spout("words.out",
                           kafka::spout<word_count>{{.servers = servers, .topics = {"words.out"}, .bounded = true}}));
  freshet::batch_executor{}.start(builder.build()).wait();
  std::map<std::string, std::uint64_t> last;
  for (const auto& r : rows.take()) last[r.key] = std::max(last[r.key], r.value);
  return last;
}

int main(int argc, char** argv) {
  try {
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
      std::cerr << "usage: " << argv[0] << " [SERVERS]\n";
      return 2;
    }
    const local_broker broker(argc == 2 ? argv[1] : "");
    const auto& servers = broker.servers();
    for (const char* text : {"/usr/share/common-licenses/GPL-2", "/usr/share/common-licenses/GPL-3"})
      freshet::event_executor{}.start(write_lines(servers, text)).wait();
    std::map<std::string, std::uint64_t> before;
    for (const char* engine : {"event", "batch"}) {
      const auto graph = count_words(servers);
      auto run = engine == std::string("event") ? freshet::event_executor{}.start(graph)
                                                : freshet::batch_executor{}.start(graph);
      freshet::drain_on_signals stop(run);
      run.wait();
      const auto all = counts(servers);
      std::cout << engine << " engine: " << run.metrics().node("words.in").emitted << " lines, " << all.size()
                << " words, \"the\" " << all.at("the") << " times" << std::endl;
      if (!before.empty()) std::cout << (all == before ? "the same counts" : "OTHER COUNTS") << std::endl;
      before = all;
    }
    return 0;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
