#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "connect/kafka/reading.hpp"

namespace freshet::kafka {

/// What may pass by itself: a partition whose leader is being elected, a coordinator that moves.
struct passing_trouble : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Says of partitions where reading begins: numbers for all of them, so that nothing depends on when the first record
/// is fetched. Asks the brokers. Throws passing_trouble, and std::runtime_error for what won't pass.
void find_beginnings(reading& of, const std::vector<source*>& all, const start_at& start);

/// Records were deleted before they were read: throws fatal_error, or warns, as `on_data_loss` has it.
void meet_loss(const reading& of, const std::string& what);

}  // namespace freshet::kafka
