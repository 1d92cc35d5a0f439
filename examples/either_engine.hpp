#pragma once
// A topology on the engine that the user asks for: what both give is the same.
#include <chrono>
#include <exception>
#include <freshet/freshet.hpp>
#include <iostream>
#include <string_view>

/// Runs `graph` to the end of its input: on the event engine, or with --batch on the batch engine. Gives main's result.
inline int run_on_either_engine(int argc, char** argv, std::string_view what, const freshet::topology& graph) {
  const std::string_view option = argc > 1 ? argv[1] : "--event";
  if (option != "--event" && option != "--batch") {
    std::cout << what << "\n\nusage: " << argv[0] << " [--event | --batch]\n"
              << "  --event   one event at a time (the default)\n"
              << "  --batch   in batches of 100 ms\n";
    return option == "--help" ? 0 : 2;
  }
  try {
    auto run = option == "--batch" ? freshet::batch_executor{{.interval = std::chrono::milliseconds(100)}}.start(graph)
                                   : freshet::event_executor{}.start(graph);
    freshet::drain_on_signals stop(run);
    run.wait();
    return 0;
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
