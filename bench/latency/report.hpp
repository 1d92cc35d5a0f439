#pragma once
#include <optional>
#include <string>
#include <vector>

#include "fixed_costs.hpp"
#include "measure.hpp"

namespace freshet::latency {

void print_machine(const histogram& wake, const histogram& sleep);
void print_fixed_costs(engine which, const std::optional<first_result>& first,
                       std::optional<std::chrono::duration<double, std::micro>> batch);
/// With the guarantee and the epochs where one of the two was asked for.
void print_head(const options& asked);
void print_row(const row& r, const options& asked);

/// The rows as files. `interval_ms` is 0 for the event engine, `checkpoint_ms` where nothing survives; a latency is
/// null (CSV: empty) where none was measured, as the rate was far too high. Throw std::system_error with the path.
void write_json(const std::string& path, const std::vector<row>& rows);
void write_csv(const std::string& path, const std::vector<row>& rows);

}  // namespace freshet::latency
