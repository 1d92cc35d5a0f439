#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/record_log_scene.hpp"
#include "freshet/base/random.hpp"

// What a record_log promises, over random lives: appends, syncs and drops, faults of the files, the power going off at
// any step. The model is a vector.
namespace freshet {
namespace {

using testing::file_fault;
using testing::file_operation;
using testing::simulated_files;

/// What should be in the log.
struct log_model {
  std::vector<std::string> records;  ///< by index; those of a former life that were lost are not among them
  std::uint64_t promised = 0;        ///< those below must be there
  std::uint64_t dropped = 0;         ///< those below may be gone
};

class lives {
 public:
  explicit lives(std::uint64_t seed) : random_(seed) {}
  simulated_files& files() { return files_; }
  random_source& random() { return random_; }
  const log_model& model() const { return model_; }
  const kept_log& warnings() const { return *warnings_; }

  result<log_ptr> open() {
    warnings_->messages.clear();
    return record_log::open(files_, "data/log", {.segment_bytes = 1500, .log = logger(warnings_, log_level::trace)});
  }
  /// Opened again: what is there is what was appended, and all that was promised. From now on it is on the device.
  void check(const record_log& log, bool promises_hold = true) {
    ASSERT_LE(log.next(), model_.records.size());
    if (promises_hold) { ASSERT_GE(log.next(), model_.promised); }
    ASSERT_LE(log.first(), model_.dropped);
    if (const auto all = rows(log, log.first())) {
      ASSERT_EQ(all->size(), log.next() - log.first());
      for (const auto& [index, bytes] : *all) ASSERT_EQ(bytes, model_.records[index]) << index;
    } else {
      ASSERT_NE(all.error().code, errc::data_loss) << all.error().message;  // a fault may have hit the reading
    }
    model_.records.resize(log.next());
    model_.promised = log.next();
  }
  /// Uses the log until a call fails for good.
  void use(record_log& log, std::uint64_t calls) {
    for (std::uint64_t i = 0; i < calls; ++i) {
      const auto what = random_.below(10);
      const auto done = what < 6 ? append(log) : what < 9 ? sync(log, what < 8) : drop(log);
      if (!done && done.error().fatal) return;
    }
  }
  void plan_faults(bool syncs_lie) {
    static constexpr file_fault of_all[] = {file_fault::no_space, file_fault::device_error};
    for (auto n = random_.below(4); n > 0; --n)
      files_.fail(static_cast<file_operation>(random_.below(static_cast<std::uint64_t>(file_operation::lock))), "",
                  of_all[random_.below(2)], random_.below(15), 1 + random_.below(2));
    if (random_.chance(0.3)) files_.fail(file_operation::append, "", file_fault::short_write, random_.below(10));
    if (random_.chance(0.1)) files_.fail(file_operation::sync, "", file_fault::dropped_sync, random_.below(10));
    if (syncs_lie)
      files_.fail(file_operation::sync, "", file_fault::lost_sync, random_.below(10), 1 + random_.below(3));
  }
  void power_off_after(std::uint64_t steps) {
    files_.on_step([this, steps](const testing::file_step&) mutable {
      if (steps-- == 0) files_.power_off();
    });
  }
  /// A life and its end. False where the log did not open.
  bool live(bool syncs_lie = false) {
    if (random_.chance(0.7)) plan_faults(syncs_lie);
    const bool power_fails = random_.chance(0.7);  // otherwise the process ends, and the system goes on
    if (power_fails) power_off_after(random_.below(100));
    auto log = open();
    if (log) {
      check(**log, !syncs_lie);
      use(**log, random_.below(60));
    }
    files_.on_step({});
    files_.forget_faults();
    const bool opened{log};
    if (log) log->reset();
    if (power_fails) files_.crash(random_);
    return opened;
  }

 private:
  result<void> append(record_log& log) {
    auto bytes = std::to_string(++written_) + std::string(random_.below(random_.chance(0.1) ? 2500 : 120), 'x');
    const auto index = log.append(bytes);
    if (!index) return index.error();
    EXPECT_EQ(*index, model_.records.size());
    model_.records.push_back(std::move(bytes));
    return {};
  }
  result<void> sync(record_log& log, bool device) {
    auto done = device ? log.sync() : log.flush();
    if (done && device) model_.promised = model_.records.size();
    return done;
  }
  result<void> drop(record_log& log) {
    const auto index = random_.below(model_.records.size() + 1);
    model_.dropped = std::max(model_.dropped, index);
    return log.drop_before(index);
  }

  simulated_files files_;
  random_source random_;
  log_model model_;
  std::shared_ptr<kept_log> warnings_ = std::make_shared<kept_log>();
  std::uint64_t written_ = 0;
};

/// More than usual: FRESHET_SEEDS=100000.
const std::uint64_t seeds = [] {
  const char* text = std::getenv("FRESHET_SEEDS");
  return text ? std::strtoull(text, nullptr, 10) : 2000;
}();

TEST(record_log_crash, loses_nothing_that_was_synced) {
  std::uint64_t crashes = 0, faults = 0, repairs = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    lives all(seed);
    for (auto life = 2 + all.random().below(5); life > 0; --life, ++crashes) {
      all.live();
      repairs += all.warnings().messages.size();
    }
    auto log = all.open();
    ASSERT_TRUE(log) << log.error().message;
    all.check(**log);
    faults += all.files().faults_done();
    if (HasFatalFailure()) return;
  }
  EXPECT_TRUE(repairs > seeds / 10 || seeds < 1000);
  std::printf("seeds=%d crashes=%d faults=%d repairs=%d lost=0\n", static_cast<int>(seeds), static_cast<int>(crashes),
              static_cast<int>(faults), static_cast<int>(repairs));
}

// A device that lies: then something may be lost, but never in the middle.
TEST(record_log_crash, where_syncs_are_lost_it_ends_early_or_refuses) {
  std::uint64_t refused = 0, lost = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    lives all(seed);
    for (int life = 0; life < 3; ++life) {
      if (all.live(true)) continue;
      ++refused;
      break;
    }
    const auto promised = all.model().promised;
    auto log = all.open();
    if (log) {
      lost += (*log)->next() < promised;
      all.check(**log, false);
    } else {
      EXPECT_EQ(log.error().code, errc::data_loss) << log.error().message;
    }
    if (HasFatalFailure()) return;
  }
  EXPECT_TRUE((refused > 0 && lost > 0) || seeds < 1000) << refused << " refused, " << lost << " lost";
}

// One bit: an error, or a warning and a shorter log; never another record.
TEST(record_log_crash, a_bit_that_flips_is_never_passed_in_silence) {
  std::uint64_t refused = 0, cut = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    lives all(seed);
    {
      auto log = all.open();
      all.use(**log, 40);
    }
    {
      auto log = all.open();
      all.check(**log);
    }
    std::vector<folder_entry> segments = *all.files().list("data/log");
    std::erase_if(segments, [](const auto& each) { return each.size == 0; });
    const auto& hit = segments[all.random().below(segments.size())];
    all.files().flip_bit("data/log/" + hit.name, all.random().below(hit.size),
                         static_cast<unsigned>(all.random().below(8)));
    const auto log = all.open();
    if (log) {
      EXPECT_EQ(all.warnings().messages.size(), 1u);
      EXPECT_LT((*log)->next(), all.model().records.size());
      EXPECT_EQ(&hit, &segments.back());
      all.check(**log, false);
      ++cut;
    } else {
      EXPECT_EQ(log.error().code, errc::data_loss);
      EXPECT_THAT(log.error().message, ::testing::HasSubstr(hit.name));
      ++refused;
    }
    if (HasFatalFailure()) return;
  }
  EXPECT_TRUE((refused > 0 && cut > 0) || seeds < 1000) << refused << " refused, " << cut << " cut";
}

/// The life of a log in which everything happens that changes files.
struct script {
  std::vector<std::string> records;
  std::uint64_t promised = 0, dropped = 0;

  static result<log_ptr> open(file_system& files) {
    return record_log::open(files, "data/log", {.segment_bytes = 700, .log = {}});
  }
  void append_and_sync(record_log& log, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      auto bytes = std::to_string(records.size()) + std::string(100, 'x');
      if (!log.append(bytes)) return;
      records.push_back(std::move(bytes));
      if (i % 3 == 2 && log.sync()) promised = records.size();
    }
  }
  void play(file_system& files) {
    auto log = open(files);
    if (!log) return;
    append_and_sync(**log, 20);
    dropped = 12;
    static_cast<void>((*log)->drop_before(dropped));
    append_and_sync(**log, 3);
    static_cast<void>((*log)->append("flushed"));
    records.emplace_back("flushed");
    static_cast<void>((*log)->flush());
    log->reset();
    log = open(files);
    if (!log) return;
    promised = std::max(promised, (*log)->next());
    append_and_sync(**log, 6);
  }
  void check(file_system& files) const {
    const auto log = open(files);
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_GE((*log)->next(), promised);
    ASSERT_LE((*log)->next(), records.size());
    ASSERT_LE((*log)->first(), dropped);
    const auto all = rows(**log, (*log)->first());
    ASSERT_TRUE(all);
    for (const auto& [index, bytes] : *all) ASSERT_EQ(bytes, records[index]) << index;
  }
};

TEST(record_log_crash, at_every_step) {
  std::uint64_t steps = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random(seed);
    script now;
    steps = testing::crash_at_every_step(
        random,
        [&](simulated_files& files) {
          now = {};
          now.play(files);
        },
        [&](simulated_files& files, std::uint64_t step) {
          SCOPED_TRACE("step " + std::to_string(step));
          now.check(files);
        });
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(steps, 100u);
}

}  // namespace
}  // namespace freshet
