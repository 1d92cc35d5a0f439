// expect: result<T> needs an object type other than error
#include "freshet/freshet.hpp"

#ifdef GOOD
using value = int;
#else
using value = freshet::error;
#endif

freshet::result<value> ask();
int main() { return ask() ? 0 : 1; }
