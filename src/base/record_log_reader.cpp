#include "freshet/base/record_log_reader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/record_segment.hpp"

namespace freshet {

namespace {

/// The files of the log, by name.
result<std::vector<folder_entry>> segments_in(file_system& files, const std::string& folder) {
  auto inside = files.list(folder);
  if (inside) std::erase_if(*inside, [](const folder_entry& e) { return !index_in_segment_name(e.name); });
  return inside;
}

result<record_log_extent> read_segments(file_system& files, const std::string& folder,
                                        const std::vector<folder_entry>& segments, const record_visit& visit) {
  record_log_extent all;
  for (const auto& each : segments) {
    const auto path = folder + "/" + each.name;
    const auto first = *index_in_segment_name(each.name);
    if (&each == &segments.front()) all.first = all.next = first;
    const auto end = read_segment(files, path, first, all.next, &each == &segments.back(), visit);
    if (!end) return end.error();
    all.next = end->next;
    all.bytes += end->size;
    if (end->size > end->whole) all.tail = {path, end->whole, end->size - end->whole};
  }
  return all;
}

bool are_same(const std::vector<folder_entry>& a, const std::vector<folder_entry>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.name == y.name && x.size == y.size; });
}

}  // namespace

result<record_log_extent> read_record_log(file_system& files, const std::string& folder, const record_visit& visit) {
  const auto segments = segments_in(files, folder);
  if (!segments) return segments.error();
  auto all = read_segments(files, folder, *segments, visit);
  if (all) return all;
  // Whoever writes removes files, and cuts off what it could not write.
  const auto now = segments_in(files, folder);
  auto why = std::move(all).error();
  why.retryable = !now || !are_same(*segments, *now);
  return why;
}

}  // namespace freshet
