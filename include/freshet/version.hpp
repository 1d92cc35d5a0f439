#pragma once

/// The version of Freshet, the only place where it is written: CMake, the package files and the tests read it here.
/// While the major number is 0, a new minor number may break source compatibility and a new patch number may not.
#define FRESHET_VERSION_MAJOR 0
#define FRESHET_VERSION_MINOR 1
#define FRESHET_VERSION_PATCH 0

/// The version as text, "major.minor.patch".
#define FRESHET_VERSION "0.1.0"

/// The version as one number that the preprocessor can compare: major * 10000 + minor * 100 + patch.
#define FRESHET_VERSION_NUMBER (FRESHET_VERSION_MAJOR * 10000 + FRESHET_VERSION_MINOR * 100 + FRESHET_VERSION_PATCH)
