#include "freshet/core/batch.hpp"

#include "freshet/core/batch_list.hpp"

namespace freshet {

any_batch::any_batch(const stream_type& type, batch_layout layout) : type_(&type), capacity_(layout.capacity) {
  if (layout.roots) roots_ = std::make_unique<root[]>(layout.capacity);
  if (layout.times) {
    times_ = std::make_unique<event_time[]>(layout.capacity);
    stamps_ = std::make_unique<event_time[]>(layout.capacity);
  }
  if (layout.origins) origins_ = std::make_unique<tuple_origin[]>(layout.capacity);
  if (layout.sources) sources_ = std::make_unique<message_source[]>(layout.capacity);
}

any_batch::~any_batch() = default;

batch_list::~batch_list() {
  while (!empty()) delete pop_front();
}

}  // namespace freshet
