// expect: postgresql: the function that binds a row is called with (postgresql::binder&, const T&)
#include "freshet/freshet.hpp"
// The sentence must not need the library.
#include "freshet/connect/postgresql/sink.hpp"

#ifdef GOOD
void bind(freshet::postgresql::binder& row, const int& n) { row.bind(1, n); }
#else
void bind(const int& n, freshet::postgresql::binder& row) { row.bind(1, n); }
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{}});
  builder.sink("rows", freshet::postgresql::sink<int>{"dbname=shop", "insert into numbers values ($1)", bind})
      .input(numbers);
}
