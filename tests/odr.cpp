// Linked into every test program, so that each public header is in two translation units of it: a function or variable
// in a header that lacks `inline` fails to link here and not at a user's.
#include "freshet/freshet.hpp"
