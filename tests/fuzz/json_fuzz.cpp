#include <stdexcept>

#include "freshet/base/event_time.hpp"
#include "freshet/connect/file/json_spout.hpp"
#include "freshet/connect/line_format.hpp"
#include "fuzz/text_file.hpp"

namespace freshet {
namespace {

struct place {
  static constexpr std::string_view field_names[] = {"lat", "name"};
  double lat = 0;
  std::string name{};
};
struct event {
  static constexpr std::string_view field_names[] = {"id", "text", "tags", "where", "at", "on"};
  std::int64_t id = 0;
  std::string text{};
  std::vector<std::optional<std::string>> tags{};
  std::optional<place> where{};
  event_time at{};
  bool on = false;
};

std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string all = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) all.append("\\u00") += {digits[byte >> 4], digits[byte & 15]};
    else if (c == '"' || c == '\\') all += {'\\', c};
    else all += c;
  }
  return all += '"';
}
/// In a string, as JSON has no word for what is no number.
template <class T>
std::string number(T value) {
  std::string all = "\"";
  line_format{}(all, value);
  return all += '"';
}

/// A line with the members in the order of the fields.
std::string line_of(const event& e) {
  std::string tags;
  for (const auto& each : e.tags) tags += (tags.empty() ? "" : ",") + (each ? quoted(*each) : "null");
  std::string all = "{\"id\":" + number(e.id) + ",\"text\":" + quoted(e.text) + ",\"tags\":[" + tags + "]";
  if (e.where) all += ",\"where\":{\"lat\":" + number(e.where->lat) + ",\"name\":" + quoted(e.where->name) + "}";
  return all + ",\"at\":" + number(e.at.time_since_epoch().count()) + ",\"on\":" + (e.on ? "true}" : "false}");
}

fuzz::reading read(const fuzz::text_file& from, std::size_t buffer_bytes) {
  const file::json_options options{.times = {std::string(file::iso_8601), "%Q"}, .buffer_bytes = buffer_bytes};
  return fuzz::read_by(file::json_spout<event>({from.path()}, options), from, line_of);
}

/// Every function of a reader that nobody knows the type for.
void skip_all(std::string_view text) {
  file::json_reader in;
  in.begin(text);
  const bool whole = in.skip() && in.finish();
  fuzz::check(whole != in.failed(), "a text is whole, or something is wrong with it");
  fuzz::check(whole || (in.offset() <= text.size() && !in.problem().empty()), "what is wrong stands somewhere");
}

}  // namespace

std::vector<fuzz::seed> fuzz::seeds() {
  event e;
  e.id = 7;
  e.text = "a \"b\" \\ \xc3\xa9\n";
  e.tags = {"x", std::nullopt, ""};
  e.where = place{-0.5, "north"};
  return {{"written.jsonl", line_of(e) + "\n" + line_of({}) + "\n"},
          {"free.jsonl",
           "{\"on\": false, \"more\": [1, {\"a\": [null, true]}], \"at\": \"2015-09-12T00:46:58.771+02:00\", "
           "\"tags\" : [\"\\ud83d\\ude00\\n\"], \"id\": \"12\", \"text\": \"t\", \"where\": null}\r\n"},
          {"arrays.jsonl", "[1, \"t\", [], [2.5e3, \"n\"], 1700000000000, true]\n"},
          {"damaged.jsonl", "{\"id\": 1.5}\n{\"id\": 1\n[1,]\n\"\\ud800\"\n{\"id\":1,\"text\":2}\n"},
          {"deep.jsonl",
           "{\"more\":" + std::string(199, '[') + std::string(199, ']') + "}\n" + std::string(201, '[') + "\n"}};
}

}  // namespace freshet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  static fuzz::text_file file;
  const auto input = fuzz::view_of(data, size);
  skip_all(input);
  file.fill(input);
  const auto found = [&] {
    // Mostly of messages and what they say; a batch and buffers besides.
    const fuzz::memory_bound bound(1024 * size + (4 << 20));
    return read(file, 1 << 16);
  }();
  fuzz::check(read(file, 16) == found, "a line is the same whatever the buffer");
  std::string lines;
  for (const auto& each : found.values) lines += each + "\n";
  file.fill(lines);
  const auto again = read(file, 1 << 16);
  fuzz::check(again.rejections.empty() && again.values == found.values, "a line is read as it was written");
  return 0;
}
