# Every file of every component, written by hand: one a line, sorted, so that two people's additions merge.
# A file is listed in the commit that creates it.

set(FRESHET_HEADERS
  include/freshet/version.hpp
)

set(FRESHET_SOURCES
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
