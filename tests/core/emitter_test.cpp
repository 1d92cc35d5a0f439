#include "freshet/core/emitter.hpp"

#include <gtest/gtest.h>

#include "core/bolt_bench.hpp"

namespace freshet {
namespace {

event_time at(int ms) { return event_time{std::chrono::milliseconds(ms)}; }

using namespace samples;

struct odd : side_output<std::string, "odd"> {};
struct rest : side_output<double, "rest"> {};
using full = emitter<std::string, odd, rest>;

class emitter_with_sides : public testing::Test {
 protected:
  emitter_with_sides() {
    outlets.port(0).connect({&main});
    outlets.port(1).connect({&odds});
    outlets.port(2).connect({&rests});
    frame.host = &host;
  }
  full::outlets_type outlets;
  call_frame frame;
  fake_host host;
  keeping<std::string> main, odds;
  keeping<double> rests;
  full out{outlets, frame};
};

TEST_F(emitter_with_sides, lists_its_ports) {
  const auto ports = full::ports();
  ASSERT_EQ(ports.size(), 3u);
  EXPECT_EQ(ports[0].name, "");
  EXPECT_EQ(ports[1].name, "odd");
  EXPECT_EQ(ports[2].type, &stream_type_of<double>());
  EXPECT_EQ(full::port_of<odd>(), 1u);
  EXPECT_EQ(full::port_of<rest>(), 2u);
  EXPECT_EQ(emitter<void>::ports()[0].type, nullptr);
}

TEST_F(emitter_with_sides, copies_what_is_kept_and_moves_what_is_not) {
  const std::string kept = "kept";
  out.emit(kept);
  EXPECT_EQ(main.moved, 0);
  out.emit(std::string("given"));
  out.emplace(3u, 'x');
  EXPECT_EQ(main.moved, 2);
  EXPECT_EQ(main.values, (std::vector<std::string>{"kept", "given", "xxx"}));
}

TEST_F(emitter_with_sides, sends_by_tag) {
  out.emit<rest>(0.5);
  out.emit<odd>("one");
  EXPECT_EQ(odds.values, std::vector<std::string>{"one"});
  EXPECT_EQ(rests.values, std::vector<double>{0.5});
  EXPECT_TRUE(main.values.empty());
}

TEST_F(emitter_with_sides, an_output_that_nobody_reads_takes_all_the_same) {
  full::outlets_type unread;
  full to_nobody{unread, frame};
  to_nobody.emit("x");
  to_nobody.emit<odd>("y");
}

TEST_F(emitter_with_sides, gives_an_event_time_for_one_tuple) {
  struct timing final : consumer_by<std::string, timing> {
    call_frame* frame = nullptr;
    std::vector<event_time> times;
    void put(const std::string&) { times.push_back(frame->time); }
  } times;
  times.frame = &frame;
  outlets.port(0).connect({&times});
  frame.time = at(5);
  out.emit_at(at(9), "late");
  out.emit("inherits");
  EXPECT_EQ(times.times, (std::vector<event_time>{at(9), at(5)}));
  EXPECT_EQ(out.time(), at(5));
}

}  // namespace
}  // namespace freshet
