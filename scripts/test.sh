#!/bin/sh
# Builds and runs every test: all of them with shared LLVM, the GoogleTest programs again under the sanitizers, the threads under theirs, and
# what a user receives against the release build. Ends with a line `N passed, N failed, N skipped`.
set -eu
cd "$(dirname "$0")/.."

# build_and_test <preset> "<target>..." <ctest argument>...
build_and_test() {
  preset=$1 target=$2
  shift 2
  echo "== $preset: build"
  cmake --preset "$preset" >"/tmp/kiln-configure.$$" || { cat "/tmp/kiln-configure.$$"; rm -f "/tmp/kiln-configure.$$"; exit 1; }
  rm -f "/tmp/kiln-configure.$$"
  # shellcheck disable=SC2086
  cmake --build --preset "$preset" --target $target
  echo "== $preset: test"
  rm -rf "build/$preset/test-results"
  # A failure is counted below, after the other suites have run as well.
  ctest --test-dir "build/$preset" --output-on-failure --output-junit "$PWD/build/$preset/test-results/ctest.xml" "$@" || true
}

build_and_test dev all
build_and_test asan kiln-gtests -L gtest
build_and_test tsan kiln-tsan-tests -L tsan
build_and_test release "all archive"
python3 scripts/test_summary.py build/dev build/asan build/tsan build/release
