#!/bin/sh
# sh run_sh_test.sh <cmake/run.sh> <scratch folder>
#
# The developer script on machines that are not this one: root or not, with sudo or without, with packages missing, with an
# apt that would remove something, with no apt at all. It runs as a copy in a project of its own and on a PATH of its own,
# where apt-get, dpkg-query, sudo, id, cmake and ctest are stubs that write down how they were called. Nothing is installed,
# nothing compiled, no network used.
set -eu
script=$1
scratch=$2

rm -rf "$scratch"
mkdir -p "$scratch/project/cmake" "$scratch/project/tests/kafka/broker" "$scratch/tools" "$scratch/stubs" "$scratch/apt" "$scratch/sudo"
scratch=$(cd "$scratch" && pwd)
cp "$script" "$scratch/project/cmake/run.sh"
calls=$scratch/calls

# ---- the machine ----------------------------------------------------------------------------------------------------

for tool in cat chmod dirname env getconf grep mkdir rm sed sh sort tail tr uname uniq; do
  ln -s "$(command -v "$tool")" "$scratch/tools/$tool"
done

stub() {
  # Not by echo, which makes two lines of dpkg-query's format.
  printf '#!/bin/sh\nprintf "%%s\\n" "%s $*" >>"%s"\n' "${1##*/}" "$calls" >"$scratch/$1"
  cat >>"$scratch/$1"
  chmod +x "$scratch/$1"
}
stub stubs/id <<'TEXT'
echo "$the_uid"
TEXT
stub stubs/ninja </dev/null
stub stubs/clang++-16 </dev/null
stub stubs/g++ </dev/null
stub stubs/ctest <<'TEXT'
mkdir -p build/dev/Testing/Temporary
printf '%b' "$the_skips" >build/dev/Testing/Temporary/LastTest.log
echo "100% tests passed"
printf '%b' "${the_seeds-}" >>build/dev/Testing/Temporary/LastTest.log
exit "$the_ctest"
TEXT
stub stubs/cmake <<'TEXT'
if [ "$1" != --build ]; then exit 0; fi
if [ "$the_build" != works ]; then exit 1; fi
mkdir -p build/release/examples build/release/bench/latency
for program in examples/freshet-demo bench/freshet-bench bench/latency/freshet-latency; do
  printf '#!/bin/sh\necho "%s got $*"\n' "${program##*/}" >"build/release/$program"
  chmod +x "build/release/$program"
done
TEXT
stub project/tests/kafka/broker/start <<'TEXT'
if [ "$the_maven" != works ]; then echo 'start: Maven could not fetch Kafka' >&2 && exit 1; fi
echo jars=here
TEXT
# One query is one package, the last argument.
stub apt/dpkg-query <<'TEXT'
for package; do :; done
case " $the_installed " in *" all "* | *" $package "*) echo 'install ok installed' ;; *) exit 1 ;; esac
TEXT
stub apt/apt-get <<'TEXT'
case " $* " in
  *" -s "*) printf '%b' "$the_plan" ;;
  *" install "*) if [ "$the_apt" != works ]; then echo 'E: the disk is full' && exit 100; fi ;;
esac
TEXT
stub sudo/sudo <<'TEXT'
exec "$@"
TEXT

# ---- the questions --------------------------------------------------------------------------------------------------

failures=0
# on "root, sudo, ...": a machine on which everything is there and works, but for what is said next.
on() {
  the_case=$1
  the_uid=0 the_installed=all the_plan='' the_apt=works the_build=works the_maven=works
  the_skips='' the_ctest=0
  path=$scratch/stubs:$scratch/apt:$scratch/sudo
}
run() {
  : >"$calls"
  status=0
  (
    cd "$scratch"
    unset CXX FRESHET_INSTALL FRESHET_WERROR FRESHET_CCACHE CMAKE_BUILD_PARALLEL_LEVEL
    export the_uid the_installed the_plan the_apt the_build the_maven the_skips the_ctest
    if [ -n "${with-}" ]; then export "${with?}"; fi
    PATH=$scratch/tools:$path sh project/cmake/run.sh "$@"
  ) >"$scratch/said" 2>&1 || status=$?
  with=''
}
fail() {
  failures=$((failures + 1))
  printf '%s: %s\n  exit status %s, it said:\n' "$the_case" "$1" "$status"
  sed 's/^/    /' "$scratch/said"
  printf '  and called:\n'
  sed 's/^/    /' "$calls"
}
ends_with() { if [ "$status" -ne "$1" ]; then fail "should end with $1"; fi; }
says() { if ! grep -Eq -- "$1" "$scratch/said"; then fail "should say '$1'"; fi; }
calls() { if ! grep -Eq -- "$1" "$calls"; then fail "should call '$1'"; fi; }
calls_not() { if grep -Eq -- "$1" "$calls"; then fail "should not call '$1'"; fi; }
# A package that the verb asks dpkg about is one that it would install.
asks_not_for() { calls_not "^dpkg-query .* $1\$"; }

# ---- the cases ------------------------------------------------------------------------------------------------------

on "nothing missing"
run demo a.txt 'b c.txt'
ends_with 0
says 'freshet-demo got a.txt b c.txt'
calls_not '^(apt-get|sudo)'
calls '^cmake --preset release .*FRESHET_WITH_KAFKA=OFF.*FRESHET_WITH_OBSERVE=OFF.*FRESHET_WITH_POSTGRESQL=OFF.*FRESHET_WITH_ROCKSDB=OFF.*FRESHET_WITH_SQLITE=OFF.*FRESHET_BUILD_BENCH=OFF.*FRESHET_BUILD_TOOLS=OFF'
calls '^cmake --build --preset release .*--target freshet-demo'

on "the demo asks for what it needs and for nothing else"
the_installed='g++ cmake ninja-build libboost1.81-dev'
run demo
ends_with 0
calls_not '^apt-get'
calls_not '^start'
for package in ccache librdkafka-dev '(openjdk|default-jre).*' maven libspdlog-dev librocksdb-dev libsqlite3-dev libpq-dev postgresql libgtest-dev libbenchmark-dev libcli11-dev; do asks_not_for "$package"; done

on "root, something missing"
the_installed='g++ cmake libboost1.83-dev libgtest-dev libspdlog-dev librocksdb-dev libsqlite3-dev libpq-dev libcli11-dev pkgconf'
the_installed="$the_installed openjdk-17-jre-headless default-jre-headless openssl"
run test -L unit
ends_with 0
says "'test' needs packages that are not installed: ninja-build libgmock-dev postgresql librdkafka-dev maven$"
says 'installing: ninja-build libgmock-dev postgresql librdkafka-dev maven$'
says '100% tests passed'
calls '^apt-get .*update$'
calls '^apt-get .*install -y --no-install-recommends --no-remove ninja-build libgmock-dev postgresql librdkafka-dev maven$'
calls '^start --fetch$'
calls '^ctest --preset dev .*-L unit$'
calls_not '^sudo'
asks_not_for ccache

on "not root, sudo, something missing"
the_uid=1000 the_installed='g++ cmake ninja-build libboost1.81-dev'
run latency
ends_with 0
calls '^sudo env DEBIAN_FRONTEND=noninteractive apt-get .*install .*--no-remove libcli11-dev$'

on "an older Boost alone is not enough"
the_installed='g++ cmake ninja-build libboost-dev libboost1.74-dev'
run demo
ends_with 0
says '(not installed: libboost1.81-dev$|freshet-demo got)' # Debian 12 has 1.81 beside it; elsewhere libboost-dev is newer

on "apt would remove something"
the_installed='g++ cmake ninja-build libboost1.81-dev' the_plan='Inst libcli11-dev\nRemv precious [1.0]\nRemv rare\n'
run latency
ends_with 1
says 'to install libcli11-dev, apt would REMOVE: precious rare'
says 'Nothing was changed. To go on'
says 'apt-get install --no-install-recommends libcli11-dev'
says 'FRESHET_INSTALL=no sh cmake/run.sh latency'
calls_not '^apt-get .*install -y'
calls_not '^cmake'

on "apt fails"
the_installed='' the_apt=breaks
run lint
ends_with 1
says 'E: the disk is full'
says 'installing failed; all of apt.s output is in .*build/apt.log'
calls_not '^cmake'

on "not root, no sudo, something missing"
the_uid=1000 the_installed='g++ cmake ninja-build libboost1.81-dev' path=$scratch/stubs:$scratch/apt
run bench
ends_with 1
says 'not root and there is no sudo. As root, run: apt-get install librocksdb-dev libbenchmark-dev libtbb-dev'
says 'FRESHET_INSTALL=no sh cmake/run.sh bench'
run bench --kafka
says 'apt-get install librocksdb-dev libbenchmark-dev libtbb-dev librdkafka-dev openjdk-17-jre-headless maven'
calls_not '^(apt-get|cmake)'

on "not root, no sudo, nothing missing"
the_uid=1000 path=$scratch/stubs:$scratch/apt
run test
ends_with 0

on "differential tests, each of which is a process"
the_seeds='[ RUN      ] x\nbest_effort: seeds=60 differences=0\nbatches: seeds=80 differences=0\n'
the_seeds="${the_seeds}best_effort: seeds=60 differences=0\\n"
export the_seeds
run test
ends_with 0
says '^seeds=200 promises=2 differences=0$'
unset the_seeds

on "no apt, but the tools are there"
path=$scratch/stubs
run demo
ends_with 0
says 'freshet-demo got'

on "no apt and no tools"
path=$scratch/sudo
run demo
ends_with 1
says 'no apt-get, so nothing can be installed from here'
says "'demo' needs what these Debian packages hold: g\+\+ cmake ninja-build libboost"

on "told to install nothing"
the_installed=''
with=FRESHET_INSTALL=no
run demo
ends_with 0
calls_not '^(apt-get|dpkg-query)'

on "warnings as errors are chosen from outside"
with=FRESHET_WERROR=ON
run test
ends_with 0
calls '^cmake --preset dev -D FRESHET_WERROR=ON$'
run test
calls '^cmake --preset dev$'

on "tests without Kafka are asked for"
run test -L unit --no-kafka
ends_with 0
says 'no-kafka: the component kafka is not built, its tests \(label kafka\) are NOT RUN'
calls '^cmake --preset dev -D FRESHET_WITH_KAFKA=OFF$'
calls '^ctest --preset dev .*-L unit$'
calls_not '^start'
for package in librdkafka-dev '(openjdk|default-jre).*' maven openssl; do asks_not_for "$package"; done

on "some tests were skipped"
no_data='there is no data/ and expected/ in "/nowhere"; name their folder'
the_skips="1/3 Testing: a\\na_test.cpp:9: Skipped\\nNOT TESTED: $no_data\\n2/3 Testing: b\\nNOT TESTED: no server\\n3/3\\nNOT TESTED: $no_data\\n"
run test
ends_with 0
says '^freshet: NOT TESTED, 2 times: there is no data/ and expected/ in "/nowhere"; name their folder$'
says '^freshet: NOT TESTED, 1 times: no server$'
if ! tail -n 1 "$scratch/said" | grep -q 'NOT TESTED'; then fail "it should be the last that is said"; fi
if [ "$(grep -c . "$scratch/project/build/not_tested")" -ne 2 ]; then fail "build/not_tested should have both"; fi
the_ctest=8
run test
ends_with 8
says 'NOT TESTED, 2 times'
the_skips='' the_ctest=0
run test
ends_with 0
if grep -q 'NOT TESTED' "$scratch/said" || [ -s "$scratch/project/build/not_tested" ]; then fail "nothing was skipped"; fi

on "the jars of Kafka cannot be fetched"
the_maven=breaks
run test
ends_with 1
says 'start: Maven could not fetch Kafka'
says 'without them: sh cmake/run.sh test --no-kafka'
calls_not '^(cmake|ctest)'

on "the build fails"
the_build=breaks
run demo
ends_with 1
says "the build of 'release' failed"

on "help"
run help
ends_with 0
says 'sh cmake/run.sh VERB'
for verb in demo test bench latency lint sanitize fuzz stress; do
  says "^  $verb "
  run "$verb" --help
  ends_with 0
  says "^sh cmake/run.sh $verb"
  calls_not .
  run help
done

on "a verb that is none, and no verb"
run dome
ends_with 2
says "no verb 'dome'"
says '^  demo '
run
ends_with 2
says '^  demo '
calls_not .

on "wrong arguments are found before anything is installed"
the_installed=''
run bench --filter
ends_with 2
says '--filter needs a value; see: sh cmake/run.sh bench --help'
run bench --fliter x
ends_with 2
says "does not know '--fliter'"
run lint all
ends_with 2
run stress many
ends_with 2
says "stress wants a number of seeds, not 'many'; see: sh cmake/run.sh stress --help"
run bench --out "$scratch/project/cmake/run.sh/bench.json"
ends_with 1
says 'bench.json: cannot be written; choose another --out FILE'
run bench --out "$scratch/tools"
ends_with 1
says 'tools: cannot be written'
calls_not .

on "bench"
run bench --filter words --out here.json --benchmark_repetitions=3
ends_with 0
says 'freshet-bench got --benchmark_filter=words --benchmark_out=here.json .*--benchmark_repetitions=3'
calls '^cmake --preset release .*FRESHET_BUILD_EXAMPLES=OFF.*FRESHET_BUILD_BENCH=ON'
asks_not_for librdkafka-dev
asks_not_for '(openjdk|default-jre).*'
asks_not_for libspdlog-dev
asks_not_for libsqlite3-dev
asks_not_for libpq-dev
run bench
ends_with 0
says 'freshet-bench got --benchmark_filter=[.] --benchmark_out=.*/project/build/bench[.]json --benchmark_out_format=json'
says 'written: .*/project/build/bench[.]json$'

on "bench keeps an earlier result when the build fails"
the_build=breaks
echo earlier >"$scratch/kept.json"
run bench --out kept.json
ends_with 1
if ! grep -q earlier "$scratch/kept.json"; then fail "kept.json should hold what it held"; fi
run bench --out none.json
if [ -e "$scratch/none.json" ]; then fail "none.json should not be there"; fi

on "sanitize asan"
run sanitize asan -R ledger
ends_with 0
calls '^cmake --preset asan .*CMAKE_CXX_COMPILER=[^ ]*/clang[+][+]-16$'
calls '^ctest --preset asan .*-R ledger$'
calls_not tsan
with=CXX=g++
run sanitize asan
ends_with 0
calls '^cmake --preset asan .*CMAKE_CXX_COMPILER=[^ ]*/g[+][+]$'
asks_not_for 'clang.*'
with=CXX=cxx17
run sanitize
ends_with 1
says 'CXX=cxx17: there is no such compiler'

on "fuzz"
run fuzz 3
ends_with 0
calls '^cmake --preset fuzz .*CMAKE_CXX_COMPILER=[^ ]*/clang[+][+]-16 .*FRESHET_FUZZ_SECONDS=3$'
calls '^ctest --preset fuzz'
asks_not_for librdkafka-dev
run fuzz long
ends_with 2
says "fuzz wants a number of seconds, not 'long'; see: sh cmake/run.sh fuzz --help"

if [ "$failures" -ne 0 ]; then
  echo "$failures expectations about cmake/run.sh do not hold, see above"
  exit 1
fi
echo "cmake/run.sh does what it should on every machine that was tried"
