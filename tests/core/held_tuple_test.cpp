#include "freshet/core/held_tuple.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "core/bolt_bench.hpp"

namespace freshet {
namespace {

event_time at(int ms) { return event_time{std::chrono::milliseconds(ms)}; }

using namespace samples;

class held : public testing::Test {
 protected:
  held() { frame.host = &host; }
  held_tuple take(root r = {}) {
    frame.begin(r, nullptr, at(3), at(2));
    return held_tuple{host.hold(frame, 0)};
  }
  fake_host host;
  call_frame frame;
};

TEST_F(held, is_consumed_once) {
  auto h = take();
  EXPECT_TRUE(static_cast<bool>(h));
  EXPECT_EQ(h.time(), at(3));
  h.ack();
  EXPECT_FALSE(static_cast<bool>(h));
  h.ack();
  h.fail("late");
  EXPECT_EQ(host.ends[0], "acked");
}

TEST_F(held, that_is_dropped_or_overwritten_fails) {
  {
    auto h = take();
    h = take();
    EXPECT_EQ(host.ends[0], "failed: held tuple was dropped without ack");
  }
  EXPECT_EQ(host.ends[1], "failed: held tuple was dropped without ack");
}

TEST_F(held, moves_without_being_consumed) {
  auto h = take();
  std::vector<held_tuple> all;
  all.push_back(std::move(h));
  EXPECT_TRUE(host.ends.empty());
  all[0].fail("asked to");
  EXPECT_EQ(host.ends[0], "failed: asked to");
}

TEST_F(held, an_ack_inside_a_call_waits_for_its_success) {
  auto h = take();
  {
    const inside_calls here(frame.place);
    h.ack();
    EXPECT_TRUE(host.ends.empty());
    EXPECT_TRUE(frame.flags.deferred);
  }
  frame.apply_deferred();
  EXPECT_EQ(host.ends[0], "acked");
}

TEST_F(held, an_ack_inside_a_call_that_fails_is_a_failure) {
  auto h = take();
  frame.holds.clear();  // taken in an earlier call
  {
    const inside_calls here(frame.place);
    h.ack();
  }
  frame.fail(0, {errc::user_function, "thrown behind it"});
  frame.cut_back();
  EXPECT_EQ(host.ends[0], "failed: thrown behind it");
}

TEST_F(held, an_ack_of_another_thread_is_one_at_once) {
  auto h = take();
  const inside_calls here(frame.place);
  std::thread([&h] { h.ack(); }).join();
  EXPECT_EQ(host.ends[0], "acked");
}

TEST_F(held, a_failed_call_revokes_what_it_took) {
  auto h = take();
  frame.fail(0, {errc::user_function, "thrown"});
  frame.cut_back();
  EXPECT_EQ(host.ends[0], "revoked");
  h.ack();
  EXPECT_EQ(host.ends[0], "revoked");
}

/// Counts deliveries, as a router does.
struct delivering final : consumer_by<std::string, delivering> {
  call_frame* frame = nullptr;
  std::vector<std::pair<root, std::size_t>> anchors;  ///< and how many there were
  void put(const std::string&) {
    frame->children += 2;
    anchors.emplace_back(frame->anchor, frame->anchors ? frame->anchors->size() : 1);
  }
};

TEST_F(held, what_is_emitted_with_it_is_anchored_to_it_and_counted_at_once) {
  outlets<std::string> ports;
  delivering readers;
  readers.frame = &frame;
  ports.port(0).connect({&readers});
  emitter<std::string> out{ports, frame};
  auto h = take(root{5, 1});
  frame.begin(root{9, 0}, nullptr, {}, {});
  out.emit("own", h);
  EXPECT_EQ(readers.anchors.back().first, (root{5, 1}));
  EXPECT_EQ(host.live[5], 2);
  EXPECT_EQ(frame.children, 0);
  out.emit("another");
  EXPECT_EQ(readers.anchors.back().first, (root{9, 0}));
  EXPECT_EQ(frame.children, 2);
  frame.fail(0, {});
  frame.cut_back();
  EXPECT_EQ(host.live[5], 0) << "taken back with the call";
}

TEST_F(held, what_has_ended_anchors_nothing) {
  outlets<std::string> ports;
  delivering readers;
  readers.frame = &frame;
  ports.port(0).connect({&readers});
  emitter<std::string> out{ports, frame};
  std::vector<held_tuple> all;
  for (std::uint32_t slot : {5u, 6u}) all.push_back(take(root{slot, 0}));
  all[0].state()->fail({errc::timeout, "too long"});  // as the engine does
  frame.begin_unrooted();
  out.emit("by one", all[0]);
  EXPECT_TRUE(readers.anchors.empty());
  out.emit("by the other", all);
  ASSERT_EQ(readers.anchors.size(), 1u);
  EXPECT_EQ(readers.anchors[0].first, (root{6, 0}));
  EXPECT_EQ(host.live.count(5), 0u);
  all[1].state()->fail({errc::timeout, "too long"});
  out.emit("by none", all);
  out.emit("by nothing", std::vector<held_tuple>{});
  ASSERT_EQ(readers.anchors.size(), 2u);
  EXPECT_EQ(readers.anchors[1].first, root{});
}

TEST_F(held, several_anchors_count_each_and_one_listed_twice_twice) {
  outlets<std::string> ports;
  delivering readers;
  readers.frame = &frame;
  ports.port(0).connect({&readers});
  emitter<std::string> out{ports, frame};
  std::vector<held_tuple> all;
  for (std::uint32_t slot : {5u, 6u, 5u}) all.push_back(take(root{slot, 0}));
  frame.begin_unrooted();
  out.emit("gathered", all);
  EXPECT_TRUE(readers.anchors.back().first.is_several());
  EXPECT_EQ(readers.anchors.back().second, 3u);
  EXPECT_EQ(host.live[5], 4);
  EXPECT_EQ(host.live[6], 2);
  for (auto& h : all) h.ack();
}

}  // namespace
}  // namespace freshet
