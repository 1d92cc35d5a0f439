// expect: sqlite::sink<T>: the function that binds a row is called with (sqlite::binder&, const T&)
#include "freshet/freshet.hpp"
// The sentence must not need the library.
#include "freshet/connect/sqlite/sink.hpp"

#ifdef GOOD
void bind(freshet::sqlite::binder& row, const int& n) { row.bind(1, n); }
#else
void bind(const int& n, freshet::sqlite::binder& row) { row.bind(1, n); }
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{}});
  builder.sink("rows", freshet::sqlite::sink<int>{"numbers.db", "insert into numbers values (?)", bind}).input(numbers);
}
