# Every file of every component, written by hand: one a line, sorted, so that two people's additions merge.
# A file is listed in the commit that creates it.

set(FRESHET_HEADERS
  include/freshet/base/assert.hpp
  include/freshet/base/clock.hpp
  include/freshet/base/error.hpp
  include/freshet/base/event_time.hpp
  include/freshet/base/function.hpp
  include/freshet/base/hash.hpp
  include/freshet/base/histogram.hpp
  include/freshet/base/ids.hpp
  include/freshet/base/log.hpp
  include/freshet/base/random.hpp
  include/freshet/base/result.hpp
  include/freshet/base/type_name.hpp
  include/freshet/core/byte_stream.hpp
  include/freshet/core/codec.hpp
  include/freshet/core/fields.hpp
  include/freshet/core/grouping.hpp
  include/freshet/core/key_equal.hpp
  include/freshet/core/position.hpp
  include/freshet/core/shape.hpp
  include/freshet/core/stable_hash.hpp
  include/freshet/core/standard_codecs.hpp
  include/freshet/core/value.hpp
  include/freshet/version.hpp
)

set(FRESHET_SOURCES
  src/base/assert.cpp
  src/base/clock.cpp
  src/base/error.cpp
  src/base/hash.cpp
  src/base/histogram.cpp
  src/base/log.cpp
  src/base/random.cpp
  src/base/result.cpp
  src/base/type_name.cpp
  src/core/byte_stream.cpp
)

# Offered to those who use Boost.Asio; no other header of ours includes it.
set(FRESHET_ASIO_HEADERS
)

set(FRESHET_OBSERVE_HEADERS
)
set(FRESHET_OBSERVE_SOURCES
)

set(FRESHET_TESTING_HEADERS
)
set(FRESHET_TESTING_SOURCES
)
