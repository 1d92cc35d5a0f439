#include "freshet/core/migrate.hpp"

#include <algorithm>

namespace freshet {

bool older_types::contains(const void* type) const { return std::binary_search(all_.begin(), all_.end(), type); }
void older_types::add(const void* type) { all_.insert(std::lower_bound(all_.begin(), all_.end(), type), type); }

}  // namespace freshet
