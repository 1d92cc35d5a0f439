#include <cstdio>
#include <cstring>

#include "freshet/version.hpp"

const char* service_version();

int main() {
  std::printf("freshet %s\n", service_version());
  return std::strcmp(service_version(), FRESHET_VERSION);
}
