#include "freshet/stream/hyper_log_log.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

namespace freshet {
namespace {

/// Ertl's sigma: x + sum of x^(2^k) * 2^(k-1) for k >= 1.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1, z = x, before = 0;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}
/// Ertl's tau: (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k for k >= 1) / 3.
double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x, before = 0;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

}  // namespace

void hyper_log_log::put(std::uint64_t hash) {
  const std::size_t i = hash >> (64 - precision);
  const auto zeros = static_cast<unsigned>(std::countl_zero(hash << precision));
  registers_[i] = std::max(registers_[i], static_cast<std::uint8_t>(std::min(zeros + 1, most)));
}

void hyper_log_log::spread() {
  registers_.assign(registers, 0);
  for (const auto hash : exact_) put(hash);
  exact_ = {};
}

void hyper_log_log::add(std::uint64_t hash) {
  if (!registers_.empty()) return put(hash);
  const auto at = std::lower_bound(exact_.begin(), exact_.end(), hash);
  if (at != exact_.end() && *at == hash) return;
  exact_.insert(at, hash);
  if (exact_.size() > most_exact) spread();
}

void hyper_log_log::merge(const hyper_log_log& other) {
  for (const auto hash : other.exact_) add(hash);
  if (other.registers_.empty()) return;
  if (registers_.empty()) spread();
  for (std::size_t i = 0; i < registers; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

double hyper_log_log::estimate() const {
  if (registers_.empty()) return static_cast<double>(exact_.size());
  std::array<double, most + 1> with{};  // how many registers hold each number
  for (const auto r : registers_) ++with[r];
  constexpr double m = registers;
  double z = m * tau(1 - with[most] / m);
  for (unsigned k = most - 1; k >= 1; --k) z = 0.5 * (z + with[k]);
  z += m * sigma(with[0] / m);
  return m * m / (2 * std::numbers::ln2 * z);
}

void codec<hyper_log_log>::write(writer& w, const hyper_log_log& h) {
  write_value(w, h.exact_);
  write_value(w, h.registers_);
}

void codec<hyper_log_log>::read(reader& r, hyper_log_log& h, std::uint32_t) {
  read_value(r, h.exact_);
  read_value(r, h.registers_);
  const auto& exact = h.exact_;
  const auto& all = h.registers_;
  const bool good = exact.size() <= h.most_exact && std::is_sorted(exact.begin(), exact.end()) &&
                    (all.empty() || (all.size() == h.registers && exact.empty())) &&
                    std::all_of(all.begin(), all.end(), [&](auto n) { return n <= h.most; });
  if (good) return;
  r.fail();
  h = {};
}

}  // namespace freshet
