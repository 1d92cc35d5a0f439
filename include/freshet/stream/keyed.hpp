#pragma once

namespace freshet {

/// A value of one key: what the aggregates of a keyed stream give.
template <class K, class V>
struct keyed {
  using key_type = K;
  using value_type = V;
  K key;
  V value;
};

}  // namespace freshet
