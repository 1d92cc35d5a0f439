#pragma once
#include <memory>
#include <string>

#include "freshet/base/log.hpp"

namespace freshet {

/// Settings of a spdlog logger that Freshet makes.
struct spdlog_options {
  std::string name = "freshet";             ///< under which spdlog::get finds it
  log_level level = log_level::info;        ///< what is below goes nowhere
  std::string pattern{};                    ///< spdlog's; empty: spdlog's default
  std::string file{};                       ///< path; empty: the standard error, coloured on a terminal
  log_level flush_at = log_level::warning;  ///< messages from this level on are written out at once
};

/// A sink for the library's messages that writes through spdlog. Makes a logger, or uses the one that is registered
/// under the name, as it is then (the other options change nothing): so a program that has set up spdlog gives its
/// logger's name, and one that hasn't gets a logger.
///     freshet::event_executor executor{{.log = freshet::logger{freshet::spdlog_sink({.name = "app"}),
///     log_level::info}}};
///
/// A message reads "component: text". Throws std::runtime_error when the file can't be opened. Needs the component
/// `freshet::observe`; this header includes nothing of spdlog.
std::shared_ptr<log_sink> spdlog_sink(const spdlog_options& options = {});

}  // namespace freshet
