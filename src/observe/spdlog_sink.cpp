#include "freshet/observe/spdlog_sink.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <stdexcept>
#include <utility>

namespace freshet {

namespace {

spdlog::level::level_enum level_of(log_level level) {
  switch (level) {
    case log_level::trace:
      return spdlog::level::trace;
    case log_level::debug:
      return spdlog::level::debug;
    case log_level::info:
      return spdlog::level::info;
    case log_level::warning:
      return spdlog::level::warn;
    case log_level::error:
      return spdlog::level::err;
    case log_level::off:
      break;
  }
  return spdlog::level::off;
}

class sink_over_spdlog final : public log_sink {
 public:
  explicit sink_over_spdlog(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}
  void write(const log_record& r) noexcept override {
    try {
      logger_->log(level_of(r.level), "{}: {}", spdlog::string_view_t(r.component.data(), r.component.size()),
                   spdlog::string_view_t(r.message.data(), r.message.size()));
    } catch (...) {  // spdlog has told its error handler; a log is no reason to end a run
    }
  }

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

std::shared_ptr<spdlog::logger> make_logger(const spdlog_options& options) {
  spdlog::sink_ptr to;
  try {
    if (options.file.empty()) to = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    else to = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
  } catch (const spdlog::spdlog_ex& e) {  // not of the standard's family
    throw std::runtime_error(e.what());
  }
  auto logger = std::make_shared<spdlog::logger>(options.name, std::move(to));
  if (!options.pattern.empty()) logger->set_pattern(options.pattern);
  logger->set_level(level_of(options.level));
  logger->flush_on(level_of(options.flush_at));
  return logger;
}

}  // namespace

std::shared_ptr<log_sink> spdlog_sink(const spdlog_options& options) {
  auto logger = spdlog::get(options.name);
  if (!logger) {
    logger = make_logger(options);
    try {
      spdlog::register_logger(logger);
    } catch (const spdlog::spdlog_ex&) {  // somebody was faster: theirs is the one
      if (auto theirs = spdlog::get(options.name)) logger = std::move(theirs);
    }
  }
  return std::make_shared<sink_over_spdlog>(std::move(logger));
}

}  // namespace freshet
