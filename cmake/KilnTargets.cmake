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
  target_precompile_headers(${name} REUSE_FROM KilnCompilerPCH)
  set_property(GLOBAL APPEND PROPERTY KILN_COMPILER_LIBRARIES ${name})
endfunction()

# kiln_object_library(<name> [PCH <kiln_pch target>] SOURCES <file>... [LINK <library>...])
#   A part of libkiln.so outside the compiler. Object files rather than an archive: what the linker takes from archives is hidden
#   from the library's users. Further sources can be added with target_sources().
function(kiln_object_library name)
  cmake_parse_arguments(ARG "" "PCH" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_SOURCES)
    file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/${name}_empty.cpp" "")
    set(ARG_SOURCES "${CMAKE_CURRENT_BINARY_DIR}/${name}_empty.cpp")
  endif()
  add_library(${name} OBJECT ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_PCH)
    target_precompile_headers(${name} REUSE_FROM ${ARG_PCH})
  endif()
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
