#pragma once

/// All of Freshet that needs nothing but Boost's headers: the builder, both engines, the connectors for memory and
/// files.
#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/console_sink.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/file/epoch_sink.hpp"
#include "freshet/connect/file/json_spout.hpp"
#include "freshet/connect/file/line_sink.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/callback_sink.hpp"
#include "freshet/connect/memory/channel_sink.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/generator_spout.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/runtime/signals.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"
#include "freshet/version.hpp"
