# libkiln.so: language, compiler and kernels in one library, on top of libkiln_runtime.so.
add_library(kiln SHARED $<TARGET_OBJECTS:kiln_dsl> $<TARGET_OBJECTS:kiln_kernels>)
add_library(Kiln::kiln ALIAS kiln)
set_target_properties(kiln PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(kiln PUBLIC cxx_std_20)
target_include_directories(kiln PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/dsl/include>
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/kernels/include>
  $<INSTALL_INTERFACE:include>)
target_link_libraries(kiln PUBLIC kiln_runtime PRIVATE ${KILN_COMPILER_LIBRARIES} kiln_mlir)
