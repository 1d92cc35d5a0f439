#include <algorithm>

#include "base/record_segment.hpp"
#include "freshet/base/record_log.hpp"
#include "freshet/base/record_log_reader.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/log_files.hpp"

namespace freshet {
namespace {

const std::string folder = "/log";

struct row {
  std::uint64_t index = 0;
  std::string bytes{};
  bool operator==(const row&) const = default;
};
using rows = std::vector<row>;

/// What it has; an error names its folder.
result<record_log_extent> read(file_system& files, rows& into) {
  return read_record_log(files, folder, [&](std::uint64_t index, std::string_view bytes) {
    into.push_back({index, std::string(bytes)});
  });
}
result<std::unique_ptr<record_log>> open(file_system& files) {
  return record_log::open(files, folder, {.log = logger()});
}
rows read(const record_log& log) {
  rows all;
  fuzz::check(bool(log.read(log.first(),
                            [&](std::uint64_t index, std::string_view bytes) {
                              all.push_back({index, std::string(bytes)});
                              return true;
                            })),
              "a log that was opened is read");
  return all;
}

/// The records that can't be but seen: those at the beginning of the first segment that are whole, one by one.
std::size_t whole_in(std::string_view segment, std::uint64_t first) {
  std::size_t count = 0;
  for (auto at = segment_head_bytes; at < segment.size(); ++count) {
    const auto found = record_at(segment.substr(at));
    if (!found || found->index != first + count) break;
    at += found->size();
  }
  return count;
}

/// Is refused as it is read, and stays as it is.
void refuses(testing::simulated_files& files, const std::vector<std::string>& segments, const error& why) {
  fuzz::check_says(why, folder);
  const auto log = open(files);
  fuzz::check(!log, "who reads a log and who opens it say the same");
  fuzz::check_says(log.error(), folder);
  std::vector<std::string> left;
  const auto entries = files.list(folder).value();
  for (const auto& each : entries)
    if (index_in_segment_name(each.name)) left.push_back(fuzz::content_of(files, folder + "/" + each.name));
  auto before = segments;
  std::sort(before.begin(), before.end());
  std::sort(left.begin(), left.end());
  fuzz::check(left == before, "a log that is refused is not changed");
}

/// Has the same records, also with one more behind them.
void goes_on(testing::simulated_files& files, const record_log_extent& extent, rows found) {
  {
    const auto log = open(files).value();
    fuzz::check(log->first() == extent.first && log->next() == extent.next && read(*log) == found,
                "who opens a log finds what who reads it finds");
    found.push_back({log->next(), "one more"});
    fuzz::check(log->append(found.back().bytes).value() == found.back().index && log->sync(),
                "a log that was opened is appended to");
  }
  rows again;
  const auto longer = read(files, again);
  fuzz::check(longer && !longer->tail && again == found, "what was appended is read behind what was there");
}

void look_at(const std::vector<std::string>& segments) {
  testing::simulated_files files;
  if (segments.empty() || !fuzz::put(files, folder, segments)) return;
  std::size_t size = 0;
  for (const auto& each : segments) size += each.size();
  rows found;
  const auto extent = [&] {
    const fuzz::memory_bound bound(64 * size + 16384);
    return read(files, found);
  }();
  for (std::size_t i = 1; i < found.size(); ++i)
    fuzz::check(found[i].index == found[i - 1].index + 1, "records come without a hole");
  if (!extent) return refuses(files, segments, extent.error());
  fuzz::check(extent->next - extent->first == found.size(), "a log has as many records as it says");
  const auto oldest = fuzz::content_of(files, folder + "/" + segment_name(extent->first));
  fuzz::check(found.size() >= whole_in(oldest, extent->first), "no record that is whole is left out");
  goes_on(files, *extent, found);
}

}  // namespace

std::vector<fuzz::seed> fuzz::seeds() {
  const auto first = segment_of(3, {"three", "", std::string(40, 'x')}), second = segment_of(6, {"six", "seven"});
  return {{"empty", segment_head(0)},
          {"one", first},
          {"two", first + second},
          {"torn", first + second.substr(0, second.size() - 3)},
          {"name", segment_name(~std::uint64_t{0})}};
}

}  // namespace freshet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  const auto input = fuzz::view_of(data, size);
  if (const auto index = index_in_segment_name(input))
    fuzz::check(segment_name(*index) == input, "a segment has one name");
  auto segments = fuzz::split(input).segments;
  look_at(segments);
  for (auto& each : segments) each = fuzz::sealed(std::move(each));
  look_at(segments);
  return 0;
}
