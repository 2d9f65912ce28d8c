# Helpers that give every Kiln target the same shape.

# kiln_mlir_libraries(<target> <MLIR library>...)
#   Links upstream MLIR libraries: one by one in the static build, as libMLIR.so otherwise.
function(kiln_mlir_libraries target)
  target_link_libraries(${target} PUBLIC kiln_mlir)
  if(KILN_STATIC_LLVM)
    target_link_libraries(${target} PUBLIC ${ARGN})
  endif()
endfunction()

# kiln_compiler_library(<name> SOURCES <file>... [DEPENDS <tablegen target>...] [LINK <Kiln library>...] [MLIR <MLIR library>...])
#   A static library of the compiler: no exceptions, precompiled MLIR headers.
function(kiln_compiler_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK;MLIR" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}/compiler/include" "${PROJECT_BINARY_DIR}/compiler/include")
  target_compile_options(${name} PRIVATE -fno-exceptions)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  kiln_mlir_libraries(${name} ${ARG_MLIR})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  kiln_use_pch(${name} KilnCompilerPCH)
  set_property(GLOBAL APPEND PROPERTY KILN_COMPILER_LIBRARIES ${name})
endfunction()

# kiln_object_library(<name> [PCH <kiln_pch target>] SOURCES <file>... [LINK <library>...])
#   A part of libkiln.so outside the compiler. Object files rather than an archive: what the linker takes from archives is hidden
#   from the library's users. Further sources can be added with target_sources().
function(kiln_object_library name)
  cmake_parse_arguments(ARG "" "PCH" "SOURCES;LINK" ${ARGN})
  add_library(${name} OBJECT ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_PCH)
    kiln_use_pch(${name} ${ARG_PCH})
  endif()
endfunction()

# kiln_pch(<name> HEADER <file> [OPTIONS <compile option>...])
#   An object library that exists to own a precompiled header. Its users must be compiled with the same options.
#
#   ccache can serve an object that used a precompiled header to every build tree that has the same header (another checkout, a second
#   preset with equal flags) because the users name it by a path relative to the build tree, and because <pch>.sum stands for its
#   contents. The header may include nothing but LLVM, MLIR and the standard library: the sum knows its text and LLVM's version only.
function(kiln_pch name)
  cmake_parse_arguments(ARG "" "HEADER" "OPTIONS" ${ARGN})
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp" "")
  add_library(${name} OBJECT "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp")
  target_link_libraries(${name} PUBLIC kiln_mlir)
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE "${ARG_HEADER}")

  set(pch "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx.pch")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${ARG_HEADER}")
  file(SHA256 "${ARG_HEADER}" sum)
  file(WRITE "${pch}.sum" "${sum} ${LLVM_PACKAGE_VERSION}\n")
  add_custom_target(${name}File DEPENDS "${pch}") # objects can wait for a custom target, but not for another object library
  cmake_path(RELATIVE_PATH pch BASE_DIRECTORY "${CMAKE_BINARY_DIR}")
  set_property(TARGET ${name} PROPERTY KILN_PCH "${pch}")
endfunction()

# kiln_use_pch(<target> <kiln_pch target>)
function(kiln_use_pch target owner)
  get_property(pch TARGET ${owner} PROPERTY KILN_PCH)
  target_compile_options(${target} PRIVATE -include-pch ${pch})
  get_target_property(_type ${target} TYPE)
  if(_type STREQUAL "EXECUTABLE")
    # CMake compiles executables with -fPIE, and clang takes a header that was compiled with -fPIC for another one.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
  add_dependencies(${target} ${owner}File)
endfunction()

# kiln_add_benchmark(<name> SOURCES <file>... [LINK <library>...])
#   A program that prints figures; `make bench` builds and runs all of them, one after the other.
function(kiln_add_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  set_property(GLOBAL APPEND PROPERTY KILN_BENCHMARKS ${name})
  kiln_archive_program(${name} bin)
endfunction()

# kiln_bench_target(): the target `bench`, once all benchmarks are known.
function(kiln_bench_target)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  get_property(benchmarks GLOBAL PROPERTY KILN_BENCHMARKS)
  set(commands "")
  foreach(benchmark IN LISTS benchmarks)
    list(APPEND commands COMMAND ${benchmark})
  endforeach()
  add_custom_target(bench ${commands}
    COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/test/style/headers.py --cost-only
    USES_TERMINAL VERBATIM)
endfunction()
