#include "fuzz/log_files.hpp"

#include <algorithm>

#include "base/record_segment.hpp"
#include "freshet/base/hash.hpp"
#include "freshet/core/byte_stream.hpp"
#include "fuzz/fuzz.hpp"

namespace freshet::fuzz {

namespace {

constexpr std::string_view magic = "freshlog";

template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  return reader(bytes.substr(at)).raw<T>();
}
void seal(std::string& bytes, std::size_t at, std::string_view of) {
  writer w;
  w.raw(hash_bytes(of.data(), of.size()));
  bytes.replace(at, w.size(), w.data());
}

}  // namespace

log_files split(std::string_view input) {
  log_files all;
  auto at = std::min(input.find(magic), input.size());
  all.before = input.substr(0, at);
  while (at < input.size()) {
    const auto end = std::min(input.find(magic, at + 1), input.size());
    all.segments.emplace_back(input.substr(at, end - at));
    at = end;
  }
  return all;
}

std::string sealed(std::string segment) {
  if (segment.size() < segment_head_bytes) return segment;
  seal(segment, 24, std::string_view(segment).substr(0, 24));
  for (auto at = segment_head_bytes; at + record_head_bytes <= segment.size();) {
    const std::size_t size = record_head_bytes + number_at<std::uint32_t>(segment, at + 8);
    if (size > segment.size() - at) break;
    seal(segment, at, std::string_view(segment).substr(at + 8, size - 8));
    at += size;
  }
  return segment;
}

bool put(file_system& files, const std::string& folder, const std::vector<std::string>& segments) {
  constexpr auto most = std::uint64_t{1} << 62;  // behind the last index comes 0, in 500 years
  check(bool(files.create_folder(folder)), "a folder can be made");
  for (const auto& each : segments) {
    const auto first = each.size() < segment_head_bytes ? 0 : number_at<std::uint64_t>(each, 16);
    const auto path = folder + "/" + segment_name(first);
    if (first > most || *files.exists(path) || !write_whole(files, path, each)) return false;
  }
  return true;
}

std::string content_of(file_system& files, const std::string& path) { return read_whole(files, path).value(); }

std::string segment_of(std::uint64_t first, const std::vector<std::string>& records) {
  auto bytes = segment_head(first);
  for (std::size_t i = 0; i < records.size(); ++i)
    put_record(bytes, first + i, first + std::min(i + 1, records.size() - 1), records[i]);
  return bytes;
}

}  // namespace freshet::fuzz
