#pragma once
#include <cstdint>
#include <vector>

#include "freshet/core/codec.hpp"

namespace freshet {

/// How many different things were seen, about, in 4 KiB: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier,
/// "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", AofA 2007) with 2^12 registers over
/// hashes of 64 bits. Up to 512 different hashes are kept as they are and counted exactly. Beyond, the standard error
/// is 1.04 / sqrt(2^12) = 1.6 %. Estimates come from Ertl's improved estimator ("New cardinality estimation algorithms
/// for HyperLogLog sketches", arXiv:1702.01284, 2017, algorithm 6), which has no bias to correct in any range, so
/// neither linear counting nor measured tables. What it holds follows from the set of hashes alone: in whatever order
/// and in however many merged parts they come, the sketches are equal. Not thread safe.
class hyper_log_log {
 public:
  /// `hash`: 64 well mixed bits, as those of `stable_hash`.
  void add(std::uint64_t hash);
  void merge(const hyper_log_log& other);
  /// The number of different hashes added.
  double estimate() const;

  friend bool operator==(const hyper_log_log&, const hyper_log_log&) = default;

 private:
  friend struct codec<hyper_log_log>;
  static constexpr unsigned precision = 12;  // 1.6 % is what is commonly asked for; 2^14 would take 16 KiB a key
  static constexpr std::size_t registers = std::size_t{1} << precision;
  static constexpr unsigned most = 64 - precision + 1;                          // what a register can hold
  static constexpr std::size_t most_exact = registers / sizeof(std::uint64_t);  // as large as the registers

  void put(std::uint64_t hash);
  void spread();
  std::vector<std::uint64_t> exact_;     // sorted, while there are no registers
  std::vector<std::uint8_t> registers_;  // none, or all
};

/// Bytes that no sketch gives are a failure.
template <>
struct codec<hyper_log_log> {
  static constexpr std::uint32_t version = 1;
  static void write(writer&, const hyper_log_log&);
  static void read(reader&, hyper_log_log&, std::uint32_t);
};

}  // namespace freshet
