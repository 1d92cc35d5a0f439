#!/bin/sh
# The developer script: sh cmake/run.sh VERB. Works from any folder. On Debian and its relatives each verb first installs
# the packages it needs and that are missing; everywhere else it says what to install.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}

say() { printf 'freshet: %s\n' "$*" >&2; }
die() {
  say "$@"
  exit 1
}
# Wrong arguments: nothing has been installed, built or changed yet.
misused() {
  say "$1; see: sh cmake/run.sh $verb --help"
  exit 2
}

# ---- help -----------------------------------------------------------------------------------------------------------

help_all() {
  cat <<'TEXT'
sh cmake/run.sh VERB [ARGUMENTS]

  demo [FILE...]                        word count on both engines, on real text
  test [--no-kafka] [CTEST ARGUMENTS]   build and run the tests
  bench [--kafka] [--filter REGEX] [--out FILE]  build Release and run the benchmarks
  latency [OPTIONS]                     latency by engine, batch interval and rate (freshet-latency)
  lint                                  format, include law, warnings as errors, headers that compile alone
  sanitize [asan|tsan] [CTEST ARGUMENTS]  the tests under the sanitizers
  fuzz [SECONDS]                        the readers of files, on inputs that libFuzzer makes up
  stress [SEEDS]                        random topologies against plain loops and all of conformance, for long
  help                                  this text; `VERB --help` says more about one

Missing packages are installed first (as root, or through sudo), and named. Nothing is ever removed.
  FRESHET_INSTALL=no                    install nothing: the tools and libraries are there already
  FRESHET_WERROR=ON                     test: warnings are errors, as in .ci/run
  CMAKE_BUILD_PARALLEL_LEVEL=N          compile and test with N jobs (default: one a core)
  FRESHET_CCACHE=OFF                    leave ccache alone, and precompile headers instead: faster where nothing is cached
ccache is used where it is found, and never installed.
TEXT
}

help_demo() {
  cat <<'TEXT'
sh cmake/run.sh demo [FILE...]

Builds freshet-demo (Release, in build/release) and runs it with these arguments: one word-count topology on both engines.
Without a FILE it counts the words of the licence texts in /usr/share/common-licenses. Ctrl-C drains and ends it.
  --repeat N       read the text N times (default: as often as makes 48 MiB of it)
  --seconds S      for each row of the latency table (default: 1)
  sh cmake/run.sh demo -- --help    says the same of the program alone
TEXT
}

help_test() {
  cat <<'TEXT'
sh cmake/run.sh test [--no-kafka] [CTEST ARGUMENTS]

Builds everything (Debug with asserts, in build/dev) and runs ctest with these arguments: on two cores a quarter of an hour to
build the first time, and ten minutes to run. Tests of conformance read data that is not in this project and are skipped where it
is not at hand (CMake's FRESHET_SHARED_DIR); what was skipped, and why, stands before ctest's closing line. Those of the PostgreSQL
sink start a server of their own from Debian's package postgresql, which is installed, too. Those of Kafka start a real broker,
whose jars (some 50 MB) are fetched once, into a cache (tests/kafka/broker/README.md); it needs Java and Maven, which are
installed as well.
  --no-kafka       without the component kafka and its tests: nothing is installed or fetched for them
For example:
  sh cmake/run.sh test -L unit          one label: unit differential conformance package compile_fail examples
                                        recovery postgresql kafka
  sh cmake/run.sh test -R ledger        tests whose name matches
  sh cmake/run.sh test -N               only list them
TEXT
}

help_bench() {
  cat <<'TEXT'
sh cmake/run.sh bench [--kafka] [--filter REGEX] [--out FILE] [--benchmark_...]

Builds freshet-bench (Release, in build/release) and runs it.
  --kafka          also those of Kafka (kafka/...), on a broker that is started, or at FRESHET_KAFKA_SERVERS
  --filter REGEX   only benchmarks whose name matches
  --out FILE       Google Benchmark's JSON (default: build/bench.json of the project)
  --benchmark_...  is passed on as it is
TEXT
}

help_latency() {
  cat <<'TEXT'
sh cmake/run.sh latency [OPTIONS]

Builds freshet-latency (Release, in build/release/bench/latency) and runs it with these options, for example:
  sh cmake/run.sh latency --engine both --interval 1,10,100 --rate 10000,100000 --duration 3 --json FILE
  sh cmake/run.sh latency --guarantee best_effort,exactly_once --checkpoint 100ms,1s --keys 1000000
  sh cmake/run.sh latency -- --help     all of them
TEXT
}

help_lint() {
  cat <<'TEXT'
sh cmake/run.sh lint

clang-format over the tracked files (nothing is changed), the include law, a build of everything with warnings as errors,
every public header compiled alone, and whether the benchmarks that scripts name are there. `clang-format -i FILE` mends the
format of a file. It goes on in build/dev, where `test` has compiled most of it already; warnings stay errors there until
`cmake --preset dev -D FRESHET_WERROR=OFF`.
TEXT
}

help_sanitize() {
  cat <<'TEXT'
sh cmake/run.sh sanitize [asan|tsan] [CTEST ARGUMENTS]

Builds with AddressSanitizer and UndefinedBehaviorSanitizer (build/asan), then with ThreadSanitizer (build/tsan), and runs
tests: the first those of the layers that lay out memory or read foreign bytes, the second those of what starts threads, and both
the differential ones besides.
With asan or tsan only that one. The compiler is Clang, or what CXX says (CXX=g++ takes twice as long).
TEXT
}

help_fuzz() {
  cat <<'TEXT'
sh cmake/run.sh fuzz [SECONDS]

Builds the fuzz targets, what reads bytes that may be damaged, with libFuzzer and AddressSanitizer (Clang, in build/fuzz), and
runs each for SECONDS (default: 10) on inputs that reach new code, beginning with tests/fuzz/seeds and what earlier runs have
found. An input that fails is left in a file, whose name is printed.
TEXT
}

help_stress() {
  cat <<'TEXT'
sh cmake/run.sh stress [SEEDS]

Builds the tests (Debug with asserts, in build/dev) and runs the differential ones with SEEDS seeds a case (default: 2000,
which takes the better part of an hour), a process a core; then those of conformance in every batch size, down to one row,
with faults and without; then the stress of wake-ups, crashes of a log and of checkpoints, and processes that are killed and
started again: at every step of their files, and SEEDS times at any moment. Ends with the first failure, whose output says how
to run it again.
TEXT
}

# `test --no-kafka`: yes.
without_kafka=''
# `bench --kafka`: yes.
with_kafka=''

# ---- packages -------------------------------------------------------------------------------------------------------

installed() { dpkg-query -W -f='${Status}\n' "$1" 2>/dev/null | grep -q ' ok installed$'; }

# Boost 1.81 or later. Debian 12 has it beside its default 1.74; later releases have it as the default.
boost_package() {
  for minor in 81 82 83 84 85 86 87 88 89 90; do
    if installed "libboost1.$minor-dev"; then
      echo "libboost1.$minor-dev"
      return
    fi
  done
  if grep -q '^VERSION_CODENAME=bookworm' /etc/os-release 2>/dev/null; then
    echo libboost1.81-dev
  else
    echo libboost-dev
  fi
}

# Clang compiles with the sanitizers in half of GCC's time, and is a second compiler that sees all of it. Debian 12's default
# is too old.
clang_packages() {
  if grep -q '^VERSION_CODENAME=bookworm' /etc/os-release 2>/dev/null; then
    echo clang-16 libclang-rt-16-dev
  else
    echo clang libclang-rt-dev
  fi
}

# A Java 17 or later, and no more of it than a broker of Kafka needs.
java_package() {
  if grep -q '^VERSION_CODENAME=bookworm' /etc/os-release 2>/dev/null; then
    echo openjdk-17-jre-headless
  else
    echo default-jre-headless
  fi
}

# The packages of the verb $1: what it cannot do without. demo, bench and latency are configured without the component
# kafka (but for `bench --kafka`), observe, postgresql and sqlite, so they need no librdkafka, spdlog, libpq or SQLite, and all but
# bench without rocksdb. Only the tests start a server of PostgreSQL, and only they and that benchmark a broker of Kafka.
packages_of() {
  list="g++ cmake ninja-build $(boost_package)"
  case $1 in
    test | stress)
      list="$list libspdlog-dev librocksdb-dev libsqlite3-dev libpq-dev libgtest-dev libgmock-dev libcli11-dev pkgconf"
      if [ "$1" = test ]; then list="$list postgresql"; fi
      if [ -z "$without_kafka" ]; then list="$list librdkafka-dev"; fi
      if [ "$1$without_kafka" = test ]; then list="$list $(java_package) maven openssl"; fi
      ;;
    sanitize)
      list="$list librdkafka-dev libspdlog-dev librocksdb-dev libsqlite3-dev libpq-dev libgtest-dev libgmock-dev"
      if [ -z "${CXX-}" ]; then list="$list $(clang_packages)"; fi
      ;;
    fuzz) list="$list libgtest-dev libgmock-dev $(clang_packages)" ;;
    bench)
      list="$list librocksdb-dev libbenchmark-dev libtbb-dev"
      if [ -n "$with_kafka" ]; then list="$list librdkafka-dev $(java_package) maven"; fi
      ;;
    latency) list="$list libcli11-dev" ;;
    lint)
      list="$list librdkafka-dev libspdlog-dev librocksdb-dev libsqlite3-dev libpq-dev libgtest-dev libgmock-dev libcli11-dev pkgconf"
      list="$list libbenchmark-dev libtbb-dev clang-format"
      ;;
  esac
  echo "$list"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

# Runs apt-get into the log; where it fails, shows the end of the log and stops.
logged_apt() {
  what=$1
  shift
  if ! as_root apt-get -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1; then
    tail -n 15 "$log" >&2
    die "$what failed; all of apt's output is in $log"
  fi
}

# Installs what the verb misses. Called when its arguments have been looked at.
need_packages() {
  mkdir -p "$root/build"
  if [ "${FRESHET_INSTALL:-yes}" = no ]; then return 0; fi
  wanted=$(packages_of "$verb")
  if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    if command -v cmake >/dev/null 2>&1 && command -v ninja >/dev/null 2>&1; then return 0; fi
    say "this system has no apt-get, so nothing can be installed from here."
    say "'$verb' needs what these Debian packages hold: $wanted"
    die "(GCC 12 or Clang 15, CMake 3.25, Ninja, Boost 1.81 or later). Install them, then run it again."
  fi
  missing=''
  for package in $wanted; do
    if ! installed "$package"; then missing="$missing $package"; fi
  done
  missing=${missing# }
  if [ -z "$missing" ]; then return 0; fi

  say "'$verb' needs packages that are not installed: $missing"
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
    say "you are not root and there is no sudo. As root, run: apt-get install $missing"
    die "Or, if you have them in another way: FRESHET_INSTALL=no sh cmake/run.sh $verb"
  fi
  mkdir -p "$root/build"
  log=$root/build/apt.log
  : >"$log"
  say "updating the package lists (log: $log)"
  if ! as_root apt-get -o DPkg::Lock::Timeout=300 update >>"$log" 2>&1; then
    say "the lists could not be updated; trying with those that are there"
  fi

  # shellcheck disable=SC2086  # a list of package names
  if ! plan=$(apt-get -s install --no-install-recommends $missing 2>>"$log"); then
    tail -n 15 "$log" >&2
    say "apt cannot install: $missing (log: $log)"
    die "If you have them in another way: FRESHET_INSTALL=no sh cmake/run.sh $verb"
  fi
  removed=$(printf '%s\n' "$plan" | sed -n 's/^Remv \([^ ]*\).*/\1/p' | tr '\n' ' ')
  if [ -n "$removed" ]; then
    say "stopped: to install $missing, apt would REMOVE: $removed"
    say "Nothing was changed. To go on, one of:"
    say "  accept it, and run this again afterwards: apt-get install --no-install-recommends $missing"
    say "  or, if you have them in another way:      FRESHET_INSTALL=no sh cmake/run.sh $verb"
    die "  or work in a container or chroot of Debian 12, where nothing else needs these packages"
  fi
  say "installing: $missing"
  # shellcheck disable=SC2086
  logged_apt "installing" install -y --no-install-recommends --no-remove $missing
}

# ---- build ----------------------------------------------------------------------------------------------------------

configure() {
  preset=$1
  shift
  if [ -n "${FRESHET_CCACHE-}" ]; then set -- "$@" -D "FRESHET_CCACHE=$FRESHET_CCACHE"; fi
  (cd "$root" && cmake --preset "$preset" "$@" >"$root/build/configure-$preset.log" 2>&1) || {
    cat "$root/build/configure-$preset.log" >&2
    die "configuring '$preset' failed"
  }
}

build() {
  preset=$1
  shift
  say "building '$preset' in build/$preset"
  (cd "$root" && cmake --build --preset "$preset" --parallel "$jobs" "$@") >&2 || die "the build of '$preset' failed"
}

run_tests() {
  preset=$1
  shift
  (cd "$root" && $without_aslr ctest --preset "$preset" --parallel "$jobs" "$@")
}
without_aslr=''

# ThreadSanitizer dies at start ("unexpected memory mapping") where the kernel randomises addresses more than it
# knows of.
find_without_aslr() {
  bits=$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)
  if [ "$bits" -le 28 ]; then return 0; fi
  if setarch "$(uname -m)" -R true 2>/dev/null; then
    without_aslr="setarch $(uname -m) -R"
  else
    say "vm.mmap_rnd_bits is $bits and setarch -R is not permitted here: if ThreadSanitizer dies with 'unexpected memory"
    say "mapping', set it to 28 (sysctl vm.mmap_rnd_bits=28) or allow personality() in this container"
  fi
}

# ---- verbs ----------------------------------------------------------------------------------------------------------

# Only what is asked for: each of these switches would ask for a package more.
release_of() {
  configure release -D FRESHET_WITH_KAFKA="${with_kafka:-OFF}" -D FRESHET_WITH_OBSERVE=OFF -D FRESHET_WITH_POSTGRESQL=OFF \
    -D FRESHET_WITH_ROCKSDB="$2" -D FRESHET_WITH_SQLITE=OFF \
    -D FRESHET_BUILD_EXAMPLES="$1" -D FRESHET_BUILD_BENCH="$2" -D FRESHET_BUILD_TOOLS="$3"
}

verb_demo() {
  if [ "${1-}" = -- ]; then shift; fi
  need_packages
  release_of ON OFF OFF
  build release --target freshet-demo
  exec "$root/build/release/examples/freshet-demo" "$@"
}

# The jars of the broker, once; `start` says so where it fetches them.
fetch_kafka() {
  "$root/tests/kafka/broker/start" --fetch >/dev/null ||
    die "the tests of Kafka need a broker; without them: sh cmake/run.sh test --no-kafka"
}

verb_test() {
  for argument; do
    shift
    if [ "$argument" = --no-kafka ]; then without_kafka=yes; else set -- "$@" "$argument"; fi
  done
  if [ -n "$without_kafka" ]; then say "--no-kafka: the component kafka is not built, its tests (label kafka) are NOT RUN"; fi
  need_packages
  if [ -z "$without_kafka" ]; then fetch_kafka; fi
  configure dev ${FRESHET_WERROR:+-D "FRESHET_WERROR=$FRESHET_WERROR"} ${without_kafka:+-D FRESHET_WITH_KAFKA=OFF}
  build dev
  log=$root/build/dev/Testing/Temporary/LastTest.log
  said=$root/build/dev/ctest.log
  rm -f "$log" "$said"
  status=0
  run_tests dev --output-log "$said" "$@" || status=$?
  tell_seeds "$log"
  say_not_tested "$log"
  # Whatever was said behind it: ctest's closing line is the last.
  sed -n '/tests passed, /p' "$said" 2>/dev/null || :
  return "$status"
}

# Differential tests are many processes, each with scenes of its own. ctest keeps what they print: one line of all.
tell_seeds() {
  if [ ! -e "$1" ]; then return 0; fi
  all=0 wrong=0 promises=0 known=' '
  while read -r promise seeds differences; do
    if [ -z "$promise" ]; then continue; fi
    all=$((all + seeds)) wrong=$((wrong + differences))
    case $known in
      *" $promise "*) ;;
      *) known="$known$promise " promises=$((promises + 1)) ;;
    esac
  done <<LINES
$(sed -n 's/^\([a-z_]*\): seeds=\([0-9]*\) differences=\([0-9]*\)$/\1 \2 \3/p' "$1")
LINES
  if [ $all -gt 0 ]; then echo "seeds=$all promises=$promises differences=$wrong"; fi
}

# What was skipped and why, behind ctest's "100% tests passed", which counts it. .ci/run says it once more.
say_not_tested() {
  skipped=$root/build/not_tested
  sed -n 's/.*NOT TESTED: //p' "$1" 2>/dev/null | sort | uniq -c >"$skipped"
  while read -r times why; do say "NOT TESTED, $times times: $why"; done <"$skipped"
}

# An earlier result is kept until there is a new one: it is opened for appending here, and a new file is taken away again.
check_writable() {
  new=yes
  if [ -e "$1" ]; then new=no; fi
  if ! mkdir -p -- "$(dirname -- "$1")" 2>/dev/null || ! (: >>"$1") 2>/dev/null; then
    die "$1: cannot be written; choose another --out FILE"
  fi
  if [ $new = yes ]; then rm -f -- "$1"; fi
}

verb_bench() {
  out=$root/build/bench.json
  filter=.
  passed=''
  while [ $# -gt 0 ]; do
    case $1 in
      --filter | --out)
        if [ $# -lt 2 ]; then misused "$1 needs a value"; fi
        if [ "$1" = --filter ]; then filter=$2; else out=$2; fi
        shift 2
        ;;
      --kafka) with_kafka=yes && shift ;;
      --filter=*) filter=${1#*=} && shift ;;
      --out=*) out=${1#*=} && shift ;;
      --benchmark_*) passed="$passed $1" && shift ;;
      *) misused "bench does not know '$1'" ;;
    esac
  done
  check_writable "$out"
  need_packages
  release_of OFF ON OFF
  build release --target freshet-bench
  # shellcheck disable=SC2086  # options without spaces
  "$root/build/release/bench/freshet-bench" --benchmark_filter="$filter" --benchmark_out="$out" \
    --benchmark_out_format=json $passed
  say "written: $out"
}

verb_latency() {
  if [ "${1-}" = -- ]; then shift; fi
  need_packages
  release_of OFF OFF ON
  build release --target freshet-latency
  exec "$root/build/release/bench/latency/freshet-latency" "$@"
}

verb_lint() {
  if [ $# -gt 0 ]; then misused "lint takes no arguments"; fi
  need_packages
  configure lint
  build lint
  run_tests lint
  say "lint: format, include law, warnings and headers are in order"
}

# Configures preset $2 for compiler $1. What another one has built is of no use, and CMake forgets its settings when the
# compiler changes.
configure_by() {
  cache=$root/build/$2/CMakeCache.txt
  if [ -e "$cache" ] && ! grep -q "^CMAKE_CXX_COMPILER:[A-Z]*=$1\$" "$cache"; then rm -rf "$root/build/$2"; fi
  compiler=$1
  preset=$2
  shift 2
  configure "$preset" -D "CMAKE_CXX_COMPILER=$compiler" "$@"
}

verb_fuzz() {
  seconds=${1:-10}
  case $seconds in
    *[!0-9]* | 0*) misused "fuzz wants a number of seconds, not '$seconds'" ;;
  esac
  if [ $# -gt 1 ]; then misused "fuzz takes one argument"; fi
  need_packages
  compiler=$(command -v clang++-16 || command -v clang++) || die "no Clang, which brings libFuzzer; install clang"
  configure_by "$compiler" fuzz -D "FRESHET_FUZZ_SECONDS=$seconds"
  build fuzz
  run_tests fuzz || die "fuzz: an input was found that fails; its file is named above, and run alone by giving it to the target"
  inputs=0 targets=0
  while read -r n; do
    if [ -n "$n" ]; then inputs=$((inputs + n)) targets=$((targets + 1)); fi
  done <<LINES
$(sed -n 's/^stat::number_of_executed_units: *//p' "$root/build/fuzz/Testing/Temporary/LastTest.log" 2>/dev/null)
LINES
  echo "fuzz: inputs=$inputs targets=$targets failures=0"
}

verb_sanitize() {
  presets='asan tsan'
  case ${1-} in
    asan | tsan)
      presets=$1
      shift
      ;;
  esac
  need_packages
  if [ -n "${CXX-}" ]; then
    compiler=$(command -v "$CXX") || die "CXX=$CXX: there is no such compiler"
  else
    compiler=$(command -v clang++-16 || command -v clang++ || command -v c++) || die "no C++ compiler; install g++ or clang"
  fi
  for preset in $presets; do
    configure_by "$compiler" "$preset"
    build "$preset"
    without_aslr=''
    if [ "$preset" = tsan ]; then find_without_aslr; fi
    run_tests "$preset" "$@" || die "sanitize: '$preset' failed"
  done
}

# Runs the tests of build/dev named $1 with $2 in their environment, shared by as many processes as there are jobs.
in_shards() {
  running=''
  for shard in $(seq 0 $((jobs - 1))); do
    env "$2" GTEST_TOTAL_SHARDS="$jobs" GTEST_SHARD_INDEX="$shard" "$root/build/dev/tests/$1" \
      >"$root/build/stress-$shard.log" 2>&1 &
    running="$running $!"
  done
  # shellcheck disable=SC2064  # those that run now
  trap "kill $running 2>/dev/null; exit 130" INT TERM
  shard=0
  for process in $running; do
    wait "$process" || {
      # shellcheck disable=SC2086  # a list of processes
      kill $running 2>/dev/null || true
      cat "$root/build/stress-$shard.log" >&2
      die "stress: one of $1 failed, see above"
    }
    grep -h -e '^.*: seeds=' -e '^.*: kills=' -e 'NOT TESTED' "$root/build/stress-$shard.log" || true
    shard=$((shard + 1))
  done
}

verb_stress() {
  seeds=${1:-2000}
  case $seeds in
    *[!0-9]* | 0*) misused "stress wants a number of seeds, not '$seeds'" ;;
  esac
  if [ $# -gt 1 ]; then misused "stress takes one argument"; fi
  need_packages
  configure dev
  build dev --target differential_tests conformance_tests runtime_tests base_tests state_tests recovery_tests
  say "differential tests: $seeds seeds a case, $jobs processes; their output goes to build/stress-*.log"
  in_shards differential_tests "FRESHET_SEEDS=$seeds"
  say "conformance tests: batches of one row, all sizes with faults and without"
  in_shards conformance_tests FRESHET_CONFORMANCE=whole
  FRESHET_ROUNDS=$((seeds * 10)) "$root/build/dev/tests/runtime_tests" --gtest_filter='*wake_stress*' >&2 ||
    die "stress: the stress of wake-ups failed, see above"
  FRESHET_SEEDS=$seeds "$root/build/dev/tests/base_tests" --gtest_filter='record_log_crash.*' >&2 ||
    die "stress: the crashes of a log failed, see above"
  FRESHET_SEEDS=$seeds "$root/build/dev/tests/state_tests" --gtest_filter='*crash*' >&2 ||
    die "stress: the crashes of a checkpoint directory failed, see above"
  say "recovery tests: processes that are killed at every step of their files, and $seeds times at any moment"
  in_shards recovery_tests "FRESHET_SEEDS=$seeds"
  say "stress: all is as it should be"
}

verb=${1-}
if [ $# -gt 0 ]; then shift; fi
case $verb in
  demo | test | bench | latency | lint | sanitize | fuzz | stress)
    case ${1-} in
      -h | --help) "help_$verb" ;;
      *) "verb_$verb" "$@" ;;
    esac
    ;;
  help | -h | --help) help_all ;;
  '')
    help_all >&2
    exit 2
    ;;
  *)
    say "there is no verb '$verb'"
    help_all >&2
    exit 2
    ;;
esac
