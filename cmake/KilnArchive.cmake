# The archive that `make package` makes: what `cmake --install` installs, and beside it, as the install component `archive`, programs
# that run from wherever it is unpacked. Only the release build makes one.
include(GNUInstallDirs)

add_custom_target(kiln-archive-files) # every program of the archive
if(KILN_STATIC_LLVM AND KILN_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()

# kiln_archive_program(<target> <directory>)
#   Puts a program into a directory at the archive's top. It finds the libraries relative to itself.
function(kiln_archive_program target directory)
  if(NOT KILN_STATIC_LLVM)
    return()
  endif()
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  target_link_options(${target} PRIVATE -Wl,--gc-sections -Wl,--icf=all -Wl,-O2 -Wl,--as-needed)
  install(TARGETS ${target} RUNTIME DESTINATION ${directory} COMPONENT archive EXCLUDE_FROM_ALL)
  add_dependencies(kiln-archive-files ${target})
endfunction()

# kiln_archive_files(DESTINATION <directory> FILES <file>... | PROGRAMS <file>...)
function(kiln_archive_files)
  if(KILN_STATIC_LLVM)
    install(${ARGN} COMPONENT archive EXCLUDE_FROM_ALL)
  endif()
endfunction()

# ---- kiln-internal-tests: the tests that link the parts of Kiln, and the programs that do (kiln-fuzz, kiln-opt), as one executable that
# holds all of Kiln and LLVM once. It takes the part that its name (a link in the archive) says.

# kiln_internal_objects(<name> SOURCES <file>... LINK <library>... [PCH <kiln_pch target>] [INCLUDE <dir>...] [MAIN <function>])
#   Object files of kiln-internal-tests. Sources outside test/ and tools/ are left out: all of Kiln is there already. MAIN: the name that
#   these sources' main() is given.
function(kiln_internal_objects name)
  cmake_parse_arguments(ARG "THREADS" "PCH;TIMEOUT;MAIN" "SOURCES;LINK;INCLUDE;ARGS;ENVIRONMENT" ${ARGN})
  set(sources "")
  foreach(source IN LISTS ARG_SOURCES)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
    if(source MATCHES "^${PROJECT_SOURCE_DIR}/(test|compiler/tools)/")
      list(APPEND sources "${source}")
    endif()
  endforeach()
  add_library(${name}-objects OBJECT EXCLUDE_FROM_ALL ${sources})
  target_include_directories(${name}-objects PRIVATE ${ARG_INCLUDE})
  target_link_libraries(${name}-objects PRIVATE ${ARG_LINK} GTest::gtest)
  if(ARG_MAIN)
    target_compile_definitions(${name}-objects PRIVATE main=${ARG_MAIN})
  endif()
  if(ARG_PCH)
    kiln_use_pch(${name}-objects ${ARG_PCH})
    if(ARG_PCH STREQUAL "KilnCompilerPCH")
      target_compile_options(${name}-objects PRIVATE -fno-exceptions)
    endif()
  endif()
  set_property(GLOBAL APPEND PROPERTY KILN_INTERNAL_OBJECTS ${name}-objects)
endfunction()

# kiln_archive_target(): kiln-internal-tests, and the target `archive`, once everything that goes into it is known.
function(kiln_archive_target)
  # The runtime library once more, with its internals visible.
  get_target_property(runtime_sources kiln_runtime SOURCES)
  get_target_property(runtime_directory kiln_runtime SOURCE_DIR)
  list(TRANSFORM runtime_sources PREPEND "${runtime_directory}/" REGEX "^[^/]")
  add_library(kiln-runtime-objects OBJECT EXCLUDE_FROM_ALL ${runtime_sources})
  target_include_directories(kiln-runtime-objects PRIVATE $<TARGET_PROPERTY:kiln_runtime,INCLUDE_DIRECTORIES>)
  target_compile_definitions(kiln-runtime-objects PRIVATE $<TARGET_PROPERTY:kiln_runtime,COMPILE_DEFINITIONS>)

  get_property(parts GLOBAL PROPERTY KILN_INTERNAL_OBJECTS)
  list(TRANSFORM parts REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
  add_executable(kiln-internal-tests ${PROJECT_SOURCE_DIR}/test/archive/main.cpp ${parts} $<TARGET_OBJECTS:kiln_dsl>
    $<TARGET_OBJECTS:kiln_kernels> $<TARGET_OBJECTS:kiln-runtime-objects>)
  get_property(compiler GLOBAL PROPERTY KILN_COMPILER_LIBRARIES)
  target_link_libraries(kiln-internal-tests PRIVATE ${compiler} KilnToolRegistration kiln_mlir MLIROptLib GTest::gtest Boost::context Threads::Threads
    ${CMAKE_DL_LIBS})
  set_target_properties(kiln-internal-tests PROPERTIES EXCLUDE_FROM_ALL ON)
  kiln_archive_program(kiln-internal-tests tests)
  install(CODE "foreach(name kiln-fuzz kiln-opt)
      file(CREATE_LINK ../tests/kiln-internal-tests \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/bin/\${name}\" SYMBOLIC)
    endforeach()" COMPONENT archive EXCLUDE_FROM_ALL)

  kiln_archive_files(PROGRAMS ${PROJECT_SOURCE_DIR}/scripts/selftest.py DESTINATION bin RENAME kiln-selftest)

  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_custom_target(archive
    COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/scripts/package.py --cmake=${CMAKE_COMMAND} --build=${PROJECT_BINARY_DIR}
      --name=kiln-${PROJECT_VERSION}-linux-x86_64
    USES_TERMINAL VERBATIM)
  add_dependencies(archive kiln kiln_runtime kiln-archive-files)
endfunction()
