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
void print_head();
void print_row(const row& r);

/// The rows as files. `interval_ms` is 0 for the event engine; a latency is null (CSV: empty) where none was measured,
/// as the rate was far too high. Throw std::system_error with the path.
void write_json(const std::string& path, const std::vector<row>& rows);
void write_csv(const std::string& path, const std::vector<row>& rows);

}  // namespace freshet::latency
