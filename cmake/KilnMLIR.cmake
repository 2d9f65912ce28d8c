# Finds LLVM and MLIR 22 and defines `kiln_mlir`: the interface target that Kiln's compiler libraries link.
#
# Debian builds LLVM with LLVM_LINK_LLVM_DYLIB=ON, so its exported static MLIR targets name libLLVM.so as a dependency. A program that
# linked both would hold two copies of LLVM's registries and crash at the first code generation, so the static build rewrites them.
find_package(LLVM 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/llvm)
find_package(MLIR REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
set(LLVM_RUNTIME_OUTPUT_INTDIR "${PROJECT_BINARY_DIR}/bin")
set(LLVM_LIBRARY_OUTPUT_INTDIR "${PROJECT_BINARY_DIR}/lib")
set(MLIR_BINARY_DIR "${PROJECT_BINARY_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

separate_arguments(KILN_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
list(REMOVE_DUPLICATES KILN_LLVM_DEFINITIONS)

add_library(kiln_mlir INTERFACE)
target_include_directories(kiln_mlir SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_options(kiln_mlir INTERFACE ${KILN_LLVM_DEFINITIONS})

if(KILN_STATIC_LLVM)
  set(LLVM_LINK_LLVM_DYLIB OFF)
  add_library(kiln_llvm INTERFACE)
  llvm_map_components_to_libnames(_components Core Support Passes Target NVPTX X86CodeGen X86Desc X86Info X86AsmParser OrcJIT JITLink
    ExecutionEngine RuntimeDyld TransformUtils TargetParser AsmPrinter IPO Vectorize Linker AsmParser BitReader BitWriter IRReader
    Remarks PerfJITEvents)
  target_link_libraries(kiln_llvm INTERFACE ${_components})
  get_property(_mlir GLOBAL PROPERTY MLIR_ALL_LIBS)
  foreach(_lib IN LISTS _mlir)
    if(TARGET ${_lib})
      get_target_property(_deps ${_lib} INTERFACE_LINK_LIBRARIES)
      if(_deps)
        list(REMOVE_ITEM _deps MLIR)
        list(TRANSFORM _deps REPLACE "^LLVM$" "kiln_llvm")
        set_property(TARGET ${_lib} PROPERTY INTERFACE_LINK_LIBRARIES "${_deps}")
      endif()
    endif()
  endforeach()
  # What its real dependencies were before the packaging replaced them by libMLIR.so.
  set_property(TARGET MLIRExecutionEngine PROPERTY INTERFACE_LINK_LIBRARIES
    "MLIRBuiltinToLLVMIRTranslation;MLIRExecutionEngineUtils;MLIRLLVMDialect;MLIRLLVMToLLVMIRTranslation;MLIRTargetLLVMIRExport;kiln_llvm")
  find_library(KILN_ZSTD NAMES libzstd.a zstd REQUIRED)
  find_library(KILN_ZLIB NAMES libz.a z REQUIRED)
  set_property(TARGET LLVMSupport PROPERTY INTERFACE_LINK_LIBRARIES "rt;dl;m;${KILN_ZSTD};${KILN_ZLIB};LLVMDemangle")
  if(NOT TARGET LibXml2::LibXml2)
    add_library(LibXml2::LibXml2 INTERFACE IMPORTED)
  endif()
  target_link_libraries(kiln_mlir INTERFACE kiln_llvm)
else()
  target_link_libraries(kiln_mlir INTERFACE MLIR LLVM)
endif()
