#include <charconv>
#include <stdexcept>

#include "freshet/base/event_time.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/line_format.hpp"
#include "fuzz/text_file.hpp"

namespace freshet {
namespace {

struct order {
  static constexpr std::string_view field_names[] = {"id", "city", "price", "at", "paid"};
  std::int64_t id = 0;
  std::string city{};
  std::optional<double> price{};
  event_time at{};
  bool paid = false;
};

/// A row that holds nothing but that: every text in quotes, times by their number.
std::string row_of(const order& o) {
  std::string row;
  const line_format format;
  format(row, o.id);
  row += ",\"";
  for (const char c : o.city) row.append(c == '"' ? 2 : 1, c);
  row += "\",";
  if (o.price) format(row, *o.price);
  row += ',';
  format(row, o.at.time_since_epoch().count());
  return row += o.paid ? ",true" : ",false";
}

file::csv_options with(std::size_t buffer_bytes, bool ragged) {
  return {
      .nulls = {"NA"}, .times = {std::string(file::iso_8601), "%Q"}, .ragged = ragged, .buffer_bytes = buffer_bytes};
}

/// Nothing where the header is refused.
std::optional<fuzz::reading> read(const fuzz::text_file& from, const file::csv_options& options) {
  try {
    return fuzz::read_by(file::csv_spout<order>({from.path()}, options), from, row_of);
  } catch (const std::runtime_error& e) {
    fuzz::check_says({errc::data_loss, e.what()}, from.path());
    return {};
  }
}

void look_at(fuzz::text_file& file, std::string_view input, bool ragged) {
  file.fill(input);
  const auto found = [&] {
    // Mostly of messages and what they say; a batch and buffers besides.
    const fuzz::memory_bound bound(1024 * input.size() + (4 << 20));
    return read(file, with(1 << 16, ragged));
  }();
  fuzz::check(read(file, with(16, ragged)) == found, "a row is the same whatever the buffer");
  if (!found) return;
  std::string rows = "id,city,price,at,paid\n";
  for (const auto& each : found->values) rows += each + "\n";
  file.fill(rows);
  const auto again = read(file, with(1 << 16, false));
  fuzz::check(again && again->rejections.empty() && again->values == found->values, "a row is read as it was written");
}

/// With nothing left out, lines are all that is in a file.
void look_at_lines(fuzz::text_file& file, std::string_view input) {
  file.fill(input);
  const auto lines = fuzz::read_by(
      file::line_spout({file.path()},
                       {.buffer_bytes = 16, .strip_carriage_return = false, .strip_byte_order_mark = false}),
      file, [](const std::string& line) { return line + "\n"; });
  std::string all;
  for (const auto& each : lines.values) all += each;
  if (!input.empty() && input.back() != '\n') all.pop_back();
  fuzz::check(all == input, "lines are all bytes of their file");
}

}  // namespace

std::vector<fuzz::seed> fuzz::seeds() {
  const std::string header = "id,city,price,at,paid\n";
  return {{"plain.csv", header + "1,Bern,2.5,2015-09-12T00:46:58.771Z,true\n2,Basel,,2015-09-12,no\n"},
          {"quoted.csv",
           header + "1,\"a \"\"b\"\", c\",NA,1700000000000,1\r\n2,\"two\nlines\",-1e-9,2000-02-29 24:00,off\r\n"},
          {"columns.csv", "paid,x,at,city,id,price\ntrue,,1970-01-01,,9,nan\n"},
          {"damaged.csv", header + "1,\"open,2,3\nx,Bern,2.5,2015-13-12,maybe\n1,2\n\n"},
          {"mark.csv", "\xEF\xBB\xBF" + header + row_of({7, "a \" b", 0.1, event_time{}, true}) + "\n"}};
}

}  // namespace freshet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  static fuzz::text_file file;
  const auto input = fuzz::view_of(data, size);
  look_at(file, input, false);
  look_at(file, input, true);
  look_at_lines(file, input);
  return 0;
}
