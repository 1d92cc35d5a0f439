#include <gtest/gtest.h>

#include "freshet/runtime/metrics.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

batch_progress third_batch() {
  batch_progress p;
  p.batch_id = 3;
  p.timestamp_ms = 1'709'283'600'007;
  p.num_input_rows = 100;
  p.input_rows_per_second = 1000;
  p.processed_rows_per_second = 23529.41;
  p.scheduling_delay = 20us;
  p.processing_time = 4250us;
  p.duration = {{"addBatch", 3500us}, {"commitOffsets", 750us}};
  p.tasks = 2;
  p.more_at_hand = true;
  p.sources = {{.description = "lines",
                .num_input_rows = 100,
                .input_rows_per_second = 1000,
                .processed_rows_per_second = 23529.41,
                .extents = {{"a.log", 0, 120}, {"b \"old\".log", 7, 1'000}}},
               {.description = "pushed"}};
  p.sinks = {{.description = "out", .num_output_rows = 98}, {.description = "letters", .num_output_rows = 2}};
  return p;
}

TEST(batch_progress, is_written_under_the_names_of_sparks_record) {
  EXPECT_EQ(third_batch().json(),
            R"({"timestamp":"2024-03-01T09:00:00.007Z","batchId":3,"batchDuration":4.250,"numInputRows":100,)"
            R"("inputRowsPerSecond":1000.0,"processedRowsPerSecond":23529.4,)"
            R"("durationMs":{"addBatch":3.500,"commitOffsets":0.750},)"
            R"("sources":[{"description":"lines","startOffset":{"a.log":0,"b \"old\".log":7},)"
            R"("endOffset":{"a.log":120,"b \"old\".log":1000},"numInputRows":100,)"
            R"("inputRowsPerSecond":1000.0,"processedRowsPerSecond":23529.4},)"
            R"({"description":"pushed","startOffset":{},"endOffset":{},"numInputRows":0,)"
            R"("inputRowsPerSecond":0.0,"processedRowsPerSecond":0.0}],)"
            R"("sinks":[{"description":"out","numOutputRows":98},{"description":"letters","numOutputRows":2}],)"
            R"("schedulingDelay":0.020,"tasks":2,"attemptsFailed":0,"recomputedPartitions":0,"moreAtHand":true})");
}

TEST(batch_progress, what_is_no_number_is_null) {
  batch_progress p;
  p.input_rows_per_second = 1 / 0.0;
  p.processed_rows_per_second = 1e300;
  const auto text = p.json();
  EXPECT_NE(text.find(R"("inputRowsPerSecond":null)"), std::string::npos) << text;
  EXPECT_EQ(text.find("e+"), std::string::npos) << "a program would read it, people would not: " << text;
}

}  // namespace
}  // namespace freshet
