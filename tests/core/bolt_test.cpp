#include "freshet/core/bolt.hpp"

#include <gtest/gtest.h>

#include "core/bolt_bench.hpp"
#include "freshet/base/result.hpp"

namespace freshet {
namespace {

using namespace samples;

template <class Out = int, class In = int, class F, class G = forward_grouping>
std::vector<Out> run(F bolt, const std::vector<In>& values, G grouping = {}) {
  bolt_bench<In, Out> bench(std::move(bolt), grouping);
  EXPECT_EQ(bench.read(values).why, read_stop::end);
  EXPECT_TRUE(bench.host.failures.empty());
  return bench.out.values;
}

struct by_reference {
  void process(const int& n, emitter<int>& out) { out.emit(n + 1); }
};
struct by_value {
  void process(int n, emitter<int>& out) { out.emit(++n); }
};
struct constant_and_noexcept {
  void process(const int& n, emitter<int>& out) const noexcept { out.emit(n + 1); }
};
struct without_object {
  static void process(const int& n, emitter<int>& out) { out.emit(n + 1); }
};
struct with_context {
  void process(const int& n, const task_context& c, emitter<std::string>& out) {
    out.emit(c.node + std::to_string(n) + "/" + std::to_string(c.task_count));
  }
};
struct emitter_before_context {
  void process(const int& n, emitter<int>& out, const task_context& c) { out.emit(n + static_cast<int>(c.task_count)); }
};
struct returning {
  std::string process(const int& n) { return std::to_string(n); }
};
struct returning_optional {
  std::optional<int> process(int n) const noexcept { return n % 2 ? std::optional(n) : std::nullopt; }
};
/// A value like any other, the error too.
struct returning_result {
  result<int> process(int n) {
    if (n == 2) return error{errc::invalid_argument, "two"};
    return n;
  }
};
struct with_state {
  using state = int;
  void process(const int& n, state& sum, emitter<int>& out) { out.emit(sum += n); }
};
struct everything {
  using state = int;
  void process(const int& n, const task_context& c, state& sum, emitter<int>& out) {
    out.emit((sum += n) * static_cast<int>(c.task_count));
  }
};
struct base_bolt {
  virtual ~base_bolt() = default;
  virtual int process(const int& n) { return n + 1; }
};
struct inheriting : base_bolt {};
struct overriding : base_bolt {
  int process(const int& n) override { return n + 2; }
};
int plain_function(const int& n) { return n + 1; }
int noexcept_function(int n) noexcept { return n + 1; }

TEST(bolt, takes_its_tuple_by_reference_or_value_const_or_not) {
  EXPECT_EQ(run(by_reference{}, {1, 2}), (std::vector<int>{2, 3}));
  EXPECT_EQ(run(by_value{}, {1, 2}), (std::vector<int>{2, 3}));
  EXPECT_EQ(run(constant_and_noexcept{}, {1, 2}), (std::vector<int>{2, 3}));
  EXPECT_EQ(run(without_object{}, {1, 2}), (std::vector<int>{2, 3}));
}

TEST(bolt, further_parameters_are_matched_by_type) {
  EXPECT_EQ(run<std::string>(with_context{}, {7}), (std::vector<std::string>{"7/1"}));
  EXPECT_EQ(run(emitter_before_context{}, {7}), (std::vector<int>{8}));
  EXPECT_EQ(run(everything{}, {7, 1}, key_grouping{[](int) { return 0; }}), (std::vector<int>{7, 8}));
}

TEST(bolt, what_process_returns_is_emitted) {
  EXPECT_EQ(run<std::string>(returning{}, {1, 2}), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(run(returning_optional{}, {1, 2, 3}), (std::vector<int>{1, 3}));
  const auto results = run<result<int>>(returning_result{}, {1, 2, 3});
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[1].error().message, "two");
  EXPECT_EQ(*results[2], 3);
}

TEST(bolt, may_be_a_function_or_a_lambda) {
  EXPECT_EQ(run(plain_function, {1}), std::vector<int>{2});
  EXPECT_EQ(run(noexcept_function, {1}), std::vector<int>{2});
  EXPECT_EQ(run([](const int& n) { return n + 1; }, {1}), std::vector<int>{2});
  EXPECT_EQ(run([last = 0](int n) mutable { return last += n; }, {1, 2}), (std::vector<int>{1, 3}));
  EXPECT_EQ(run([](const int& n, emitter<int>& out) { out.emit(n); }, {4}), std::vector<int>{4});
}

TEST(bolt, may_inherit_its_process) {
  EXPECT_EQ(run(inheriting{}, {1}), std::vector<int>{2});
  EXPECT_EQ(run(overriding{}, {1}), std::vector<int>{3});
}

TEST(bolt, may_be_made_by_a_function_and_need_not_be_copyable) {
  auto makes = [] { return [own = std::make_unique<int>(5)](const int& n) { return n + *own; }; };
  EXPECT_EQ(run(makes, {1}), std::vector<int>{6});
}

TEST(bolt, state_is_one_a_key_or_one_a_task) {
  const auto parity = key_grouping{[](int n) { return n % 2; }};
  EXPECT_EQ(run(with_state{}, {1, 2, 3, 4}, parity), (std::vector<int>{1, 2, 4, 6}));
  EXPECT_EQ(run(with_state{}, {1, 2, 3, 4}, global_grouping{}), (std::vector<int>{1, 3, 6, 10}));
  EXPECT_EQ(run(with_state{}, {1, 2, 3, 4}, all_grouping{}), (std::vector<int>{1, 3, 6, 10}));
}

TEST(bolt, more_tuples_than_one_look_ahead_find_their_keys) {
  std::vector<int> values, expected;
  std::map<int, int> sums;
  for (int i = 0; i < 500; ++i) {
    values.push_back(i);
    expected.push_back(sums[i % 7] += i);
  }
  EXPECT_EQ(run(with_state{}, values, key_grouping{[](int n) { return n % 7; }}), expected);
}

/// A throwing key function is the failure of that tuple, also where the hashes of many are computed ahead.
TEST(bolt, a_key_function_that_throws_fails_its_tuple_only) {
  bolt_bench<int, int> bench(with_state{}, key_grouping{[](int n) {
                               if (n == 3) throw std::runtime_error("no key");
                               return 0;
                             }});
  EXPECT_EQ(bench.read({1, 2, 3, 4}).next, 4u);
  EXPECT_EQ(bench.out.values, (std::vector<int>{1, 3, 7}));
  EXPECT_EQ(bench.host.failures, (std::vector<std::pair<std::size_t, std::string>>{{2, "no key"}}));
}

TEST(bolt, a_throw_fails_the_call_and_the_host_says_what_follows) {
  bolt_bench<int, int> bench([](const int& n, emitter<int>& out) {
    out.emit(n);
    if (n == 2) throw std::runtime_error("two");
  });
  EXPECT_EQ(bench.read({1, 2, 3}).next, 3u);
  EXPECT_EQ(bench.host.failures.size(), 1u);
  bench.host.answer = task_host::verdict::again_later;
  const auto again = bench.read({1, 2, 3});
  EXPECT_EQ(again.next, 1u);
  EXPECT_EQ(again.why, read_stop::again_later);
  bench.host.answer = task_host::verdict::stop;
  EXPECT_EQ(bench.read({2}).why, read_stop::stop);
}

TEST(bolt, throwing_what_is_no_exception_is_a_failure_too) {
  bolt_bench<int, int> bench([](const int& n) -> int {
    if (n == 1) throw "text";
    if (n == 2) throw std::string("string");
    throw 3;
  });
  bench.read({1, 2, 3});
  ASSERT_EQ(bench.host.failures.size(), 3u);
  EXPECT_EQ(bench.host.failures[0].second, "text");
  EXPECT_EQ(bench.host.failures[1].second, "string");
  EXPECT_EQ(bench.host.failures[2].second, "an exception that is not a std::exception");
}

TEST(bolt, state_is_put_back_where_the_run_asks_for_it) {
  const auto fails_at_two = [] {
    struct bolt {
      using state = int;
      void process(const int& n, state& sum) {
        sum += n;
        if (n == 2) throw std::runtime_error("two");
      }
    };
    return bolt{};
  };
  for (const bool rollback : {false, true}) {
    bolt_bench<int, void> bench(fails_at_two, key_grouping{[](int) { return 0; }});
    bench.frame.rollback_state = rollback;
    bench.read({1, 2, 4});
    auto& state = static_cast<keyed_state<int, int>&>(*bench.op->state);
    EXPECT_EQ(*state.find(0), rollback ? 5 : 7);
  }
}

TEST(bolt, settles_children_less_itself) {
  bolt_bench<int, int> bench([](const int& n, emitter<int>& out) {
    for (int i = 0; i < n; ++i) out.emit(i);
  });
  struct counting final : consumer_by<int, counting> {
    call_frame* frame = nullptr;
    void put(int) { ++frame->children; }
  } deliveries;
  deliveries.frame = &bench.frame;
  bench.op->outlet_at(0).connect({&deliveries});
  bench.read({0, 1, 3}, true);
  EXPECT_EQ(bench.host.live[1], -1);
  EXPECT_EQ(bench.host.live[2], 0);
  EXPECT_EQ(bench.host.live[3], 2);
}

struct hooks {
  std::vector<std::string>* calls;
  int left = 2;
  void open(const task_context&) { calls->push_back("open"); }
  void process(const int&, emitter<int>&) { --left; }
  void on_tick(emitter<int>& out) { out.emit(1); }
  void on_wake(emitter<int>& out) { out.emit(2); }
  void flush(emitter<int>& out) { out.emit(3); }
  bool ready() const { return left > 0; }
  void close() { calls->push_back("close"); }
};

TEST(bolt, optional_functions_are_called_where_they_are) {
  std::vector<std::string> calls;
  bolt_bench<int, int> bench([&] { return hooks{&calls}; }, forward_grouping{}, {.tick = std::chrono::seconds(1)});
  bench.op->tick();
  bench.op->wake();
  bench.op->flush();
  bench.op->close();
  EXPECT_EQ(bench.out.values, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(calls, (std::vector<std::string>{"open", "close"}));
}

struct plain_hooks {
  std::string* calls;
  void process(const int&, emitter<int>&) {}
  void on_tick() { *calls += "tick "; }
  void on_wake() { *calls += "wake "; }
  void flush() { *calls += "flush"; }
};
TEST(bolt, optional_functions_may_do_without_the_emitter) {
  std::string calls;
  bolt_bench<int, int> bench([&] { return plain_hooks{&calls}; }, forward_grouping{},
                             {.tick = std::chrono::seconds(1)});
  bench.op->tick();
  bench.op->wake();
  bench.op->flush();
  EXPECT_EQ(calls, "tick wake flush");
}

TEST(bolt, that_is_not_ready_gets_no_further_tuple) {
  std::vector<std::string> calls;
  bolt_bench<int, int> bench([&] { return hooks{&calls}; }, forward_grouping{}, {.tick = std::chrono::seconds(1)});
  const auto result = bench.read({1, 2, 3, 4});
  EXPECT_EQ(result.next, 2u);
  EXPECT_EQ(result.why, read_stop::not_ready);
  EXPECT_FALSE(bench.op->ready());
}

/// `flush_key` is called once a key that was used since `begin`.
struct latest {
  using state = int;
  void process(const int& n, state& sum, emitter<std::pair<int, int>>&) { sum += n; }
  void flush_key(const int& key, state& sum, emitter<std::pair<int, int>>& out) { out.emit({key, sum}); }
};

TEST(bolt, flush_key_is_called_for_the_keys_of_the_batch) {
  bolt_bench<int, std::pair<int, int>> bench(latest{}, key_grouping{[](int n) { return n % 10; }});
  bench.op->state->begin();
  bench.read({1, 11, 2});
  bench.op->flush();
  bench.op->state->commit();
  auto rows = bench.out.values;
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, (std::vector<std::pair<int, int>>{{1, 12}, {2, 2}}));
  bench.out.values.clear();
  bench.op->state->begin();
  bench.read({2});
  bench.op->flush();
  EXPECT_EQ(bench.out.values, (std::vector<std::pair<int, int>>{{2, 4}}));
}

TEST(bolt, chained_calls_after_a_failure_do_nothing) {
  bolt_bench<int, int> bench(by_value{});
  bench.frame.flags.failed = true;
  bench.entry().take(1);
  bench.frame.flags.failed = false;
  bench.entry().take(2);
  EXPECT_EQ(bench.out.values, std::vector<int>{3});
  EXPECT_EQ(bench.op->executed, 1u);
}

}  // namespace
}  // namespace freshet
