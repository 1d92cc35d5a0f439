#include <cstdio>
#include <cstring>
#include <string>

#include "freshet/version.hpp"

const char* service_version();
std::string service_error();

int main() {
  std::printf("freshet %s: %s\n", service_version(), service_error().c_str());
  return std::strcmp(service_version(), FRESHET_VERSION);
}
