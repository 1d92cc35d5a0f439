#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/escaped_text.hpp"
#include "freshet/runtime/metrics.hpp"

namespace freshet {

namespace {

/// Whatever the locale.
std::string with_decimals(double number, int decimals) {
  if (!std::isfinite(number)) return "null";
  std::array<char, 512> text;
  char* const end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed, decimals).ptr;
  return {text.data(), end};
}
std::string rate_in_json(double a_second) { return with_decimals(a_second, 1); }
std::string ms_in_json(std::chrono::nanoseconds t) { return with_decimals(static_cast<double>(t.count()) * 1e-6, 3); }

std::string utc_in_json(event_time at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "\"%04d-%02u-%02uT%02d:%02d:%02d.%03dZ\"", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text.data();
}

class json_object {
 public:
  json_object& add(std::string_view name, const std::string& value) {
    text_ += (text_.empty() ? "" : ",") + in_json(name) + ':' + value;
    return *this;
  }
  std::string text() const { return '{' + text_ + '}'; }

 private:
  std::string text_;
};

template <class Of>
void add_rates(json_object& to, const Of& of) {
  to.add("numInputRows", std::to_string(of.num_input_rows))
      .add("inputRowsPerSecond", rate_in_json(of.input_rows_per_second))
      .add("processedRowsPerSecond", rate_in_json(of.processed_rows_per_second));
}

std::string source_in_json(const batch_progress::source& s) {
  json_object start, end, all;
  for (const auto& e : s.extents) {
    start.add(e.partition, std::to_string(e.start_offset));
    end.add(e.partition, std::to_string(e.end_offset));
  }
  all.add("description", in_json(s.description)).add("startOffset", start.text()).add("endOffset", end.text());
  add_rates(all, s);
  return all.text();
}

std::string sink_in_json(const batch_progress::sink& s) {
  return json_object()
      .add("description", in_json(s.description))
      .add("numOutputRows", std::to_string(s.num_output_rows))
      .text();
}

template <class T>
std::string list_in_json(const std::vector<T>& all, std::string (*one)(const T&)) {
  std::string text;
  for (const auto& each : all) text += (text.empty() ? "" : ",") + one(each);
  return '[' + text + ']';
}

}  // namespace

std::string batch_progress::json() const {
  json_object all, steps;
  for (const auto& s : duration) steps.add(s.name, ms_in_json(s.took));
  all.add("timestamp", utc_in_json(event_time(std::chrono::milliseconds(timestamp_ms))))
      .add("batchId", std::to_string(batch_id))
      .add("batchDuration", ms_in_json(processing_time));
  add_rates(all, *this);
  all.add("durationMs", steps.text())
      .add("sources", list_in_json(sources, source_in_json))
      .add("sinks", list_in_json(sinks, sink_in_json))
      .add("schedulingDelay", ms_in_json(scheduling_delay))
      .add("tasks", std::to_string(tasks))
      .add("attemptsFailed", std::to_string(attempts_failed))
      .add("recomputedPartitions", std::to_string(recomputed_partitions))
      .add("moreAtHand", more_at_hand ? "true" : "false");
  return all.text();
}

}  // namespace freshet
