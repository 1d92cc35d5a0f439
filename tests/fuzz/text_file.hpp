#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "connect/spout_probe.hpp"
#include "fuzz/fuzz.hpp"

namespace freshet::fuzz {

/// A file of this process, for readers that know only those of the system. Removed when it ends.
class text_file {
 public:
  text_file();
  text_file(const text_file&) = delete;
  text_file& operator=(const text_file&) = delete;
  ~text_file();
  /// Replaces what it holds, and stays the same file.
  void fill(std::string_view bytes);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
};

/// All that a spout makes of a file.
struct reading {
  std::vector<std::string> values{};      ///< as they are written
  std::vector<position> at{};             ///< of each
  std::vector<std::string> rejections{};  ///< why, then the bytes
  bool operator==(const reading&) const = default;
};

/// Reads a file to its end, then two of its messages again, which must be the same. Every rejection names the file.
template <class S, class Write>
reading read_by(S spout, const text_file& file, Write write) {
  spout_probe<S> probe(std::move(spout));
  check(probe.poll_all() == poll_status::kind::ended, "a file is read to its end");
  reading all;
  for (const auto& each : probe.messages) {
    check(each.at.offset < each.at.next, "a message takes bytes of its file");
    check(all.at.empty() || all.at.back().next <= each.at.offset, "messages stand behind each other");
    all.values.push_back(write(each.value));
    all.at.push_back(each.at);
  }
  for (const auto& each : probe.rejected) {
    check_says(each.why, file.path());
    all.rejections.push_back(each.why.message + ": " + each.bytes);
  }
  const auto once = probe.rejected.size();
  // The first and the last stand for all: each costs as much as the whole file.
  for (std::size_t i = 0; i < all.at.size(); i += std::max<std::size_t>(all.at.size() - 1, 1)) {
    const auto again = probe.read({all.at[i].partition, all.at[i].offset, all.at[i].next});
    check(again.size() == 1 && again[0].at == all.at[i] && write(again[0].value) == all.values[i],
          "a message is read again as it was");
  }
  check(probe.rejected.size() == once, "where a message was nothing is rejected");
  return all;
}

}  // namespace freshet::fuzz
