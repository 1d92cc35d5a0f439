#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "freshet/connect/file/epoch_sink.hpp"
#include "freshet/core/sink_task.hpp"
#include "freshet/testing/simulated_files.hpp"

// What the tests of epoch_sink share: its tasks as an engine calls them, and what is in the folder.
namespace freshet::file {

using sink_tasks = std::vector<std::unique_ptr<sink_task<epoch_sink<>>>>;

inline std::unique_ptr<sink_task<epoch_sink<>>> open_task(epoch_sink<> sink, std::size_t task = 0,
                                                          std::size_t tasks = 1) {
  auto made = std::make_unique<sink_task<epoch_sink<>>>(std::move(sink));
  task_context context;
  context.node = "out";
  context.task = task;
  context.task_count = tasks;
  made->open(context);
  return made;
}
inline sink_tasks open_tasks(const epoch_sink<>& sink, std::size_t tasks) {
  sink_tasks all;
  for (std::size_t t = 0; t < tasks; ++t) all.push_back(open_task(sink, t, tasks));
  return all;
}

/// The names in a folder; without the lock, which stays there.
inline std::vector<std::string> names_in(file_system& files, const std::string& folder) {
  std::vector<std::string> all;
  const auto inside = files.list(folder).value();
  for (const auto& each : inside)
    if (!each.name.ends_with(".lock")) all.push_back(each.name);
  return all;
}
inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> all;
  for (; !text.empty(); text.remove_prefix(all.back().size() + 1)) all.emplace_back(text.substr(0, text.find('\n')));
  return all;
}
/// What a reader of the folder sees: the lines of all files that are not hidden.
inline std::vector<std::string> visible_rows(file_system& files, const std::string& folder) {
  std::vector<std::string> all;
  for (const auto& name : names_in(files, folder)) {
    if (name.starts_with(".")) continue;
    const auto text = read_whole(files, folder + "/" + name).value();
    EXPECT_TRUE(text.empty() || text.ends_with("\n")) << name << " ends in the middle of a row";
    for (auto& line : lines_of(std::string_view(text).substr(0, text.rfind('\n') + 1))) all.push_back(std::move(line));
  }
  return all;
}

}  // namespace freshet::file
