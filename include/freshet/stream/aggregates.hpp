#pragma once

/// The aggregates that are ready to use, all of them. Each header can be included alone.
#include "freshet/stream/all_of.hpp"
#include "freshet/stream/distinct_aggregates.hpp"
#include "freshet/stream/numeric_aggregates.hpp"
#include "freshet/stream/selecting_aggregates.hpp"
