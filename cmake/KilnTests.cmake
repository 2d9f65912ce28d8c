# Helpers for tests. Each ctest entry may leave a JUnit file in KILN_TEST_RESULTS under its own name; scripts/test_summary.py counts the
# cases in it instead of the entry.
find_package(GTest REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(KILN_TEST_RESULTS "${PROJECT_BINARY_DIR}/test-results")
file(MAKE_DIRECTORY "${KILN_TEST_RESULTS}") # lit makes no folder

# LLVM is not instrumented, so a container that crosses into it looks overflowed, and what its allocators hand out looks poisoned where
# their inline halves are in our code. Its registries live until the process ends.
set(KILN_TEST_ENVIRONMENT "ASAN_OPTIONS=detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=1" "UBSAN_OPTIONS=print_stacktrace=1"
    "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/test/leaks.supp:print_suppressions=0")
# Tests leave nothing in the user's cache, and take nothing from it.
list(APPEND KILN_TEST_ENVIRONMENT "KILN_CACHE_DIR=${PROJECT_BINARY_DIR}/test-cache" "KILN_CACHE_SIZE=64M")

add_custom_target(kiln-gtests) # everything that kiln_add_test() made
add_custom_target(kiln-tsan-tests) # what the preset `tsan` is for

# kiln_add_test(<name> SOURCES <file>... LINK <library>... [PCH <kiln_pch target>] [INCLUDE <dir>...] [ARGS <argument>...]
#               [ENVIRONMENT <name=value>...] [TIMEOUT <seconds>] [THREADS])
#   A GoogleTest program, one ctest entry with the label `gtest`. Tests of the public interface link `kiln`; tests of internals link the
#   static libraries (or kiln_dsl) and never libkiln.so as well. PCH: KilnDslPCH (exceptions) or KilnCompilerPCH (no exceptions).
#   THREADS: it runs under the thread sanitizer too, and has the label `tsan`; it must not run LLVM.
#   In the release build the same tests go into the archive instead (KilnArchive.cmake): there is no ctest entry.
function(kiln_add_test name)
  cmake_parse_arguments(ARG "THREADS" "PCH;TIMEOUT" "SOURCES;LINK;INCLUDE;ARGS;ENVIRONMENT" ${ARGN})
  if(KILN_STATIC_LLVM AND NOT "kiln" IN_LIST ARG_LINK)
    kiln_internal_objects(${name} ${ARGN})
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${ARG_INCLUDE})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  if(ARG_PCH)
    kiln_use_pch(${name} ${ARG_PCH})
    if(ARG_PCH STREQUAL "KilnCompilerPCH")
      target_compile_options(${name} PRIVATE -fno-exceptions)
    endif()
  endif()
  add_dependencies(kiln-gtests ${name})
  if(KILN_STATIC_LLVM)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    kiln_archive_program(${name} tests)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1 --gtest_output=xml:${KILN_TEST_RESULTS}/${name}.xml ${ARG_ARGS})
  set(labels gtest)
  if(ARG_THREADS)
    add_dependencies(kiln-tsan-tests ${name})
    list(APPEND labels tsan)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "${KILN_TEST_ENVIRONMENT};${ARG_ENVIRONMENT}")
endfunction()

# kiln_add_script_test(<name> <script.py> [<argument>...])
#   A Python test of the repository or the build. It is given --results=<JUnit file to write> first.
function(kiln_add_script_test name script)
  add_test(NAME ${name} COMMAND Python3::Interpreter ${script} --results=${KILN_TEST_RESULTS}/${name}.xml ${ARGN}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS script TIMEOUT 900 SKIP_RETURN_CODE 77)
endfunction()
