#include "freshet/stream/quantile_sketch.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace freshet {
namespace {

constexpr std::int32_t most_buckets = 2048;  // the paper's: a microsecond to years within 1 %
constexpr double least_magnitude = 1e-300;
constexpr double greatest_magnitude = std::numeric_limits<double>::max();

bool is_error(double e) { return e > 1e-6 && e < 1; }  // below, bucket numbers would leave 32 bits

}  // namespace

quantile_sketch::quantile_sketch(double relative_error)
    : error_(relative_error), log_base_(std::log1p(2 * relative_error / (1 - relative_error))) {
  if (!is_error(relative_error))
    throw std::invalid_argument("the relative error of quantiles must be above 0.000001 and below 1, but is " +
                                std::to_string(relative_error));
}

std::int32_t quantile_sketch::bucket_of(double magnitude) const {
  return static_cast<std::int32_t>(std::ceil(std::log(magnitude) / log_base_));
}
bool quantile_sketch::is_good(const buckets& all) const {
  if (all.empty()) return true;
  const auto by_number = [](const bucket& a, const bucket& b) { return a.first < b.first; };
  return std::is_sorted(all.begin(), all.end(), by_number) && all.back().first <= bucket_of(greatest_magnitude) &&
         all.front().first >= bucket_of(least_magnitude);
}
double quantile_sketch::value_of(std::int32_t which) const {
  // The middle of the bucket, in the sense that both its ends are off by the same ratio: 2 g^i / (g + 1).
  return std::exp(which * log_base_) * (1 - error_);
}

void quantile_sketch::put(buckets& into, std::int32_t which, std::uint64_t values) {
  // The lowest bucket there may be; all below are one with it.
  if (!into.empty()) which = std::max(which, into.back().first - (most_buckets - 1));
  const auto below = [](const bucket& b, std::int32_t i) { return b.first < i; };
  const auto at = std::lower_bound(into.begin(), into.end(), which, below);
  if (at != into.end() && at->first == which) {
    at->second += values;
    return;
  }
  const bool is_highest = at == into.end();
  into.insert(at, {which, values});
  const std::int32_t floor = which - (most_buckets - 1);
  if (!is_highest || into.front().first >= floor) return;
  const auto keep = std::lower_bound(into.begin(), into.end(), floor, below);
  std::uint64_t low = 0;
  for (auto b = into.begin(); b != keep; ++b) low += b->second;
  into.erase(into.begin(), keep);
  put(into, floor, low);
}

void quantile_sketch::add(double value) {
  if (std::isnan(value)) return;
  value = std::clamp(value, -greatest_magnitude, greatest_magnitude);
  ++count_;
  least_ = std::min(least_, value);
  greatest_ = std::max(greatest_, value);
  if (std::abs(value) < least_magnitude) ++zeros_;
  else put(value < 0 ? negative_ : positive_, bucket_of(std::abs(value)), 1);
}

void quantile_sketch::merge(const quantile_sketch& other) {
  count_ += other.count_;
  zeros_ += other.zeros_;
  least_ = std::min(least_, other.least_);
  greatest_ = std::max(greatest_, other.greatest_);
  for (auto b = other.negative_.rbegin(); b != other.negative_.rend(); ++b) put(negative_, b->first, b->second);
  for (auto b = other.positive_.rbegin(); b != other.positive_.rend(); ++b) put(positive_, b->first, b->second);
}

double quantile_sketch::estimate(std::uint64_t rank) const {
  std::uint64_t seen = 0;
  for (auto b = negative_.rbegin(); b != negative_.rend(); ++b)
    if ((seen += b->second) > rank) return -value_of(b->first);
  if ((seen += zeros_) > rank) return 0;
  for (const auto& b : positive_)
    if ((seen += b.second) > rank) return value_of(b.first);
  return greatest_;
}

double quantile_sketch::quantile(double q) const {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  const double last = static_cast<double>(count_ - 1);
  const auto rank = static_cast<std::uint64_t>(std::clamp(q, 0.0, 1.0) * last);
  if (rank == 0) return least_;
  if (rank >= count_ - 1) return greatest_;
  return std::clamp(estimate(rank), least_, greatest_);
}

void codec<quantile_sketch>::write(writer& w, const quantile_sketch& s) {
  for (const double number : {s.error_, s.least_, s.greatest_}) w.raw(number);
  for (const std::uint64_t number : {s.count_, s.zeros_}) w.raw(number);
  write_value(w, s.negative_);
  write_value(w, s.positive_);
}

void codec<quantile_sketch>::read(reader& r, quantile_sketch& s, std::uint32_t) {
  const auto error = r.raw<double>();
  if (!is_error(error)) return r.fail();
  s = quantile_sketch(error);
  s.least_ = r.raw<double>();
  s.greatest_ = r.raw<double>();
  s.count_ = r.raw<std::uint64_t>();
  s.zeros_ = r.raw<std::uint64_t>();
  read_value(r, s.negative_);
  read_value(r, s.positive_);
  if (!r.failed() && (s.count_ == 0 || s.least_ <= s.greatest_) && s.is_good(s.negative_) && s.is_good(s.positive_))
    return;
  r.fail();
  s = quantile_sketch(error);
}

}  // namespace freshet
