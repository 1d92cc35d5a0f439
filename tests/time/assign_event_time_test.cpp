#include "freshet/time/assign_event_time.hpp"

#include <gtest/gtest.h>

