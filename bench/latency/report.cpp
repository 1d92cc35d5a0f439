#include "report.hpp"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <system_error>
#include <thread>

namespace freshet::latency {

namespace {

constexpr double percents[] = {50, 90, 99, 99.9};

/// In microseconds. Where no value came in time to be measured there is no latency, and 0 would be the best of all.
std::string us(const histogram& of, std::uint64_t ns, const char* nothing) {
  if (of.count() == 0) return nothing;
  std::ostringstream text;
  text << std::setprecision(9) << static_cast<double>(ns) / 1e3;
  return text.str();
}

/// Short at every size: 7.3 us, 153 us, 12.4 ms, 1.93 s.
std::string readable(std::uint64_t ns) {
  char text[32];
  const auto value = static_cast<double>(ns);
  const auto say = [&](double v, const char* unit) {
    std::snprintf(text, sizeof text, v < 10 ? "%.2f %s" : v < 100 ? "%.1f %s" : "%.0f %s", v, unit);
  };
  if (value < 1e6) say(value / 1e3, "us");
  else if (value < 1e9) say(value / 1e6, "ms");
  else say(value / 1e9, "s");
  return text;
}

bool has_guarantees(const options& asked) { return !asked.guarantees.empty() || !asked.checkpoints_ms.empty(); }

void write(const std::string& path, const std::function<void(std::ostream&)>& content) {
  std::ofstream out(path, std::ios::trunc);
  out << std::setprecision(9);
  content(out);
  if (!out.flush()) throw std::system_error(errno, std::generic_category(), "cannot write " + path);
}

}  // namespace

void print_machine(const histogram& wake, const histogram& sleep) {
  std::cout << std::thread::hardware_concurrency() << " hardware threads; a bare futex wake: p50 "
            << readable(wake.percentile(50)) << ", p99 " << readable(wake.percentile(99))
            << "; a timed sleep ends late by p50 " << readable(sleep.percentile(50)) << ", p99 "
            << readable(sleep.percentile(99)) << '\n'
            << std::flush;
}

void print_fixed_costs(engine which, const std::optional<first_result>& first,
                       std::optional<std::chrono::duration<double, std::micro>> batch) {
  std::cout << to_string(which) << " engine:";
  if (first) {
    char text[96];
    std::snprintf(text, sizeof text, " %.1f ms from process start to the first result, %.1f MiB resident then",
                  first->after.count(), static_cast<double>(first->resident_bytes) / (1 << 20));
    std::cout << text;
  }
  if (batch) {
    char text[96];
    std::snprintf(text, sizeof text, "; %.1f us for a batch of one value in three stages", batch->count());
    std::cout << text;
  }
  std::cout << '\n' << std::flush;
}

void print_head(const options& asked) {
  std::printf("\n%-6s %9s %9s", "engine", "interval", "rate");
  if (has_guarantees(asked)) std::printf(" %13s %7s", "guarantee", "epochs");
  std::printf(" %9s  %9s %9s %9s %9s %9s %6s %6s\n", "sustained", "p50", "p90", "p99", "p99.9", "max", "cores",
              "on top");
  std::fflush(stdout);
}

void print_row(const row& r, const options& asked) {
  const auto ms = [](double n) {
    char text[32];
    std::snprintf(text, sizeof text, "%g ms", n);
    return std::string(text);
  };
  const bool is_batch = r.of.engine == engine::batch;
  std::printf("%-6s %9s %9.0f", to_string(r.of.engine), is_batch ? ms(r.of.interval_ms).c_str() : "-", r.of.rate);
  if (has_guarantees(asked))
    std::printf(" %13s %7s", std::string(to_string(r.of.guarantee)).c_str(),
                r.of.checkpoint_ms ? ms(*r.of.checkpoint_ms).c_str() : "-");
  std::printf(" %9s ", r.sustained ? "yes" : "NO");
  const auto said = [&](std::uint64_t ns) { return r.latency.count() ? readable(ns) : std::string("-"); };
  for (const double p : percents) std::printf(" %9s", said(r.latency.percentile(p)).c_str());
  std::printf(" %9s %6.2f %6.2f\n", said(r.latency.max()).c_str(), r.cores, r.cores - r.source_cores);
  std::fflush(stdout);
}

void write_json(const std::string& path, const std::vector<row>& rows) {
  write(path, [&](std::ostream& out) {
    out << "{\"rows\":[";
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const row& r = rows[i];
      out << (i ? ",\n" : "\n") << "{\"engine\":\"" << to_string(r.of.engine)
          << "\",\"interval_ms\":" << r.of.interval_ms << ",\"rate\":" << r.of.rate << ",\"guarantee\":\""
          << to_string(r.of.guarantee) << "\",\"checkpoint_ms\":" << r.of.checkpoint_ms.value_or(0)
          << ",\"sustained\":" << (r.sustained ? "true" : "false")
          << ",\"p50_us\":" << us(r.latency, r.latency.percentile(50), "null")
          << ",\"p90_us\":" << us(r.latency, r.latency.percentile(90), "null")
          << ",\"p99_us\":" << us(r.latency, r.latency.percentile(99), "null")
          << ",\"p999_us\":" << us(r.latency, r.latency.percentile(99.9), "null")
          << ",\"max_us\":" << us(r.latency, r.latency.max(), "null") << ",\"cores\":" << r.cores << '}';
    }
    out << "\n]}\n";
  });
}

void write_csv(const std::string& path, const std::vector<row>& rows) {
  write(path, [&](std::ostream& out) {
    out << "engine,interval_ms,rate,guarantee,checkpoint_ms,sustained,p50_us,p90_us,p99_us,p999_us,max_us,cores\n";
    for (const row& r : rows) {
      out << to_string(r.of.engine) << ',' << r.of.interval_ms << ',' << r.of.rate << ',' << to_string(r.of.guarantee)
          << ',' << r.of.checkpoint_ms.value_or(0) << ',' << (r.sustained ? "true" : "false");
      for (const double p : percents) out << ',' << us(r.latency, r.latency.percentile(p), "");
      out << ',' << us(r.latency, r.latency.max(), "") << ',' << r.cores << '\n';
    }
  });
}

}  // namespace freshet::latency
