#pragma once
#include <cstddef>
#include <cstdint>

#include "freshet/base/time_arithmetic.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "nexmark/generator.hpp"
#include "nexmark/rows.hpp"

// The queries as topologies, for either engine: what each is stands in reference.hpp, and they answer the same.
//
//     stream_builder builder{"nexmark"};
//     queries::q5(queries::events(builder, generator{}, 1'000'000, 2), {.parallelism = 2}).to("rows", print);
//     event_executor{}.start(builder.build()).wait();
//
// What is needed of an event is taken out in the spout's own task, so that no more than that goes to another: a query
// reads a tenth of an event, or one event in twelve.
namespace freshet::nexmark::queries {

struct options {
  std::size_t parallelism = 1;    ///< of each bolt; chained to the spout's tasks where these are as many
  event_span bound{1};            ///< how far events may come behind: above the generator's out_of_order
  event_span allowed_lateness{};  ///< how much longer windows and auctions are kept
};

/// Adds the spout "events": the generator's events 0 up to, but without, `count`. Each task is a partition.
stream<event> events(stream_builder&, const generator&, std::uint64_t count, std::size_t parallelism = 1);

stream<q0_row> q0(const stream<event>&, const options& = {});
stream<q1_row> q1(const stream<event>&, const options& = {});
stream<q2_row> q2(const stream<event>&, const options& = {});
stream<q3_row> q3(const stream<event>&, const options& = {});
stream<q4_row> q4(const stream<event>&, const options& = {});
stream<q5_row> q5(const stream<event>&, const options& = {});
stream<q6_row> q6(const stream<event>&, const options& = {});
stream<q7_row> q7(const stream<event>&, const options& = {});
stream<q8_row> q8(const stream<event>&, const options& = {});
stream<q11_row> q11(const stream<event>&, const options& = {});
stream<q12_row> q12(const stream<event>&, const options& = {});
stream<q17_row> q17(const stream<event>&, const options& = {});
stream<q18_row> q18(const stream<event>&, const options& = {});
stream<q19_row> q19(const stream<event>&, const options& = {});

}  // namespace freshet::nexmark::queries
