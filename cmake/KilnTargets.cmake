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
  kiln_reuse_pch(${name} KilnCompilerPCH)
endfunction()

# kiln_pch(<name> HEADER <file> [OPTIONS <compile option>...])
#   An object library that exists to own a precompiled header. Its users must be compiled with the same options.
function(kiln_pch name)
  cmake_parse_arguments(ARG "" "HEADER" "OPTIONS" ${ARGN})
  file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp" "")
  add_library(${name} OBJECT "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp")
  target_link_libraries(${name} PUBLIC kiln_mlir)
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE "${ARG_HEADER}")
endfunction()

function(kiln_reuse_pch target pch)
  target_precompile_headers(${target} REUSE_FROM ${pch})
endfunction()
