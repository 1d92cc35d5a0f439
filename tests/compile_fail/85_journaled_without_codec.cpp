// expect: messages are written to a log, and this type has no codec
#include "freshet/connect/journaled.hpp"
#include "freshet/freshet.hpp"

class order {
 public:
  int id() const { return id_; }

 private:
  int id_ = 0;
#ifdef GOOD
  friend struct freshet::codec<order>;
#endif
};
#ifdef GOOD
template <>
struct freshet::codec<order> {
  static void write(writer& to, const order& o) { to.raw(o.id_); }
  static void read(reader& from, order& o, std::uint32_t) { o.id_ = from.raw<int>(); }
};
#endif

int main() {
  freshet::topology_builder builder{"x"};
  builder.spout("orders", freshet::journaled(freshet::push_spout<order>{}, "journal"));
}
