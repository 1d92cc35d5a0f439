#pragma once
#include <string>
#include <string_view>

#include "freshet/base/result.hpp"
#include "freshet/core/batch_list.hpp"

namespace freshet {

/// The bytes of a block, as a spill file keeps them: all its batches, values and columns. REQUIRES: at least one batch,
/// of a type with a codec. Throws what the codec throws.
std::string write_block(const batch_list& all);

/// The block again, in batches with as much room as before. An error where the bytes are damaged, or the codec doesn't
/// read what it has written. Throws what the codec throws.
result<batch_list> read_block(std::string_view bytes, const stream_type& type);

}  // namespace freshet
