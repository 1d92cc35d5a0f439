#pragma once
#include <memory>

#include "freshet/core/spout_task.hpp"

namespace freshet {

/// The tuples of the message at `extent`, read again without running the chain: for a dead letter. Null where the spout
/// can't.
std::unique_ptr<any_batch> read_aside(spout_operator& spout, const position& extent, batch_layout layout);

}  // namespace freshet
