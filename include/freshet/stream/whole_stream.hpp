#pragma once

namespace freshet {

/// The one key of a stream that is not divided by keys: what `stream::window` groups by.
struct whole_stream {
  bool operator==(const whole_stream&) const = default;
};
/// The function of that key.
struct in_whole_stream {
  template <class T>
  whole_stream operator()(const T&) const {
    return {};
  }
};

}  // namespace freshet
