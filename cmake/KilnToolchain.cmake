# The compiler, linker and flags that every Kiln target shares.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR NOT CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 22
   OR CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 23)
  message(FATAL_ERROR
    "Kiln itself must be built with clang 22 (found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}); "
    "use a preset (cmake --preset dev) or pass -DCMAKE_CXX_COMPILER=clang++-22. Programs that use Kiln may be built with g++ 12 or later.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

# Source locations and debug information name files relative to the project: no absolute path ends up in IR or in a cache key.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -Wall -Wextra -Wno-unused-parameter)
# ccache can only reuse a result that used a precompiled header when the header carries no timestamp.
add_compile_options(SHELL:-Xclang\ -fno-pch-timestamp)

find_program(KILN_LLD NAMES ld.lld-22 ld.lld HINTS /usr/lib/llvm-22/bin NO_DEFAULT_PATH)
if(KILN_LLD)
  add_link_options(--ld-path=${KILN_LLD})
endif()

find_program(KILN_CCACHE ccache)
if(KILN_CCACHE)
  # Relative paths and sums of precompiled headers let build trees of several checkouts share results.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1 ${KILN_CCACHE})
endif()
