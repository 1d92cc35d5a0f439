#include "freshet/version.hpp"

const char* service_version() { return FRESHET_VERSION; }
