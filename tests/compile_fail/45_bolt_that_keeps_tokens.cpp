// expect before the error: each_task_gets_a_copy::if_it_cannot_be_copied::pass_a_function_that_makes_one
#include "freshet/freshet.hpp"

class write_in_bulk {
 public:
  void process(const std::string& line, freshet::emitter<int>& out) { waiting_.push_back({line, out.hold()}); }

 private:
  struct pending {
    std::string line;
    freshet::held_tuple token;
  };
  std::vector<pending> waiting_;
};

#ifdef GOOD
auto bolt = [] { return write_in_bulk{}; };
#else
auto bolt = write_in_bulk{};
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("write", std::move(bolt)).input(lines);
}
