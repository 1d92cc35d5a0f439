#pragma once
#include "differential/operators/operator_scene.hpp"
#include "differential/time/promise.hpp"

namespace freshet::differential::operators {

/// What an engine answers, run as promised with settings at random.
operator_answers run_operators(const operator_scene&, const promise&, random_source&);

}  // namespace freshet::differential::operators
