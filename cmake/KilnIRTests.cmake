# Tests of the IR and code that a program's own kernels are compiled to. Installed with Kiln, and used by Kiln itself.

# kiln_add_ir_test(<name> TOOL <target> TESTS <file>...)
#   A test <name> that runs LLVM's lit over the files. A file holds lines "RUN: <command>", each a shell command in which %s is the file,
#   %t a temporary file, <target> - a program that calls kiln::compile_tool() - and FileCheck are found by name (and
#   `not`, which expects a command to fail, where it lies beside FileCheck):
#
#       RUN: my_kernels softmax --arch sm_90a --emit ptx | FileCheck %s
#       CHECK: ld.global.v4
#
#   lit and FileCheck come with LLVM (any version from 14 on); KILN_LIT and KILN_FILECHECK name them where they are not found. Without them
#   the test is skipped, and says so when the project is configured and when the test is run.
function(kiln_add_ir_test name)
  cmake_parse_arguments(ARG "" "TOOL" "TESTS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_TOOL OR NOT ARG_TESTS)
    message(FATAL_ERROR "kiln_add_ir_test(${name}): expected TOOL <target> TESTS <file>...")
  endif()
  set(_hints /usr/lib/llvm-22/bin /usr/lib/llvm-21/bin /usr/lib/llvm-20/bin /usr/lib/llvm-19/bin /usr/lib/llvm-18/bin /usr/lib/llvm-17/bin
      /usr/lib/llvm-16/bin /usr/lib/llvm-15/bin /usr/lib/llvm-14/bin)
  find_program(KILN_FILECHECK NAMES FileCheck FileCheck-22 FileCheck-21 FileCheck-20 FileCheck-19 FileCheck-18 HINTS ${_hints}
               DOC "LLVM's FileCheck, for kiln_add_ir_test()")
  find_program(KILN_LIT NAMES lit llvm-lit lit.py HINTS ${_hints} DOC "LLVM's lit, for kiln_add_ir_test()")
  set(_missing "")
  if(NOT KILN_FILECHECK)
    list(APPEND _missing "FileCheck (KILN_FILECHECK)")
  endif()
  if(NOT KILN_LIT)
    list(APPEND _missing "lit (KILN_LIT)")
  endif()
  if(_missing)
    list(JOIN _missing " and " _missing)
    message(STATUS "kiln_add_ir_test(${name}): skipped, because ${_missing} was not found; they are part of LLVM")
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: ${_missing} was not found")
    set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped: ")
    return()
  endif()

  set(_suite "${CMAKE_CURRENT_BINARY_DIR}/${name}.lit")
  set(_files "")
  set(_suffixes "")
  foreach(_file IN LISTS ARG_TESTS)
    cmake_path(ABSOLUTE_PATH _file BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    cmake_path(RELATIVE_PATH _file BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" OUTPUT_VARIABLE _relative)
    if(NOT EXISTS "${_file}" OR _relative MATCHES "^[.][.]")
      message(FATAL_ERROR "kiln_add_ir_test(${name}): there is no file ${_file} below ${CMAKE_CURRENT_SOURCE_DIR}")
    endif()
    list(APPEND _files "${_suite}/${_relative}")
    cmake_path(GET _file EXTENSION LAST_ONLY _suffix)
    list(APPEND _suffixes "'${_suffix}'")
  endforeach()
  list(REMOVE_DUPLICATES _suffixes)
  list(JOIN _suffixes ", " _suffixes)

  # lit finds the sources through a configuration in the build tree. The name FileCheck must be on the path, whatever the file is called.
  file(MAKE_DIRECTORY "${_suite}/bin")
  file(CREATE_LINK "${KILN_FILECHECK}" "${_suite}/bin/FileCheck" SYMBOLIC)
  cmake_path(GET KILN_FILECHECK PARENT_PATH _tools)
  if(EXISTS "${_tools}/not")
    file(CREATE_LINK "${_tools}/not" "${_suite}/bin/not" SYMBOLIC)
  endif()
  file(GENERATE OUTPUT "${_suite}/lit.site.cfg.py" CONTENT "\
import os
import lit.formats

config.name = '${name}'
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [${_suffixes}]
config.test_source_root = r'${CMAKE_CURRENT_SOURCE_DIR}'
config.test_exec_root = r'${_suite}'
config.environment.update(os.environ)
config.environment['PATH'] = os.pathsep.join([r'$<TARGET_FILE_DIR:${ARG_TOOL}>', r'${_suite}/bin', os.environ['PATH']])
")
  add_test(NAME ${name} COMMAND ${KILN_LIT} -sv ${_files})
endfunction()
