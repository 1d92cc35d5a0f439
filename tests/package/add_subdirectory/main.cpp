// Exit status 0 when the service, built on the embedded Freshet, is of the version whose header is found here, and
// works.
#include <cstdio>
#include <cstring>
#include <string>

#include "freshet/version.hpp"

const char* service_version();
std::string service_problem();

int main() {
  const auto problem = service_problem();
  std::printf("freshet %s: %s\n", service_version(), problem.empty() ? "both engines work" : problem.c_str());
  return problem.empty() ? std::strcmp(service_version(), FRESHET_VERSION) : 1;
}
