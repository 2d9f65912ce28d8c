# Kiln inside another project (add_subdirectory, FetchContent). Kiln must be compiled by clang 22, its user need not be: build the release
# preset apart, in this project's binary directory, and offer its libraries as imported targets.
include(ExternalProject)
include(KilnIRTests)

set(_binary "${CMAKE_CURRENT_BINARY_DIR}/release")
set(_kiln "${_binary}/lib/libkiln.so")
set(_runtime "${_binary}/lib/libkiln_runtime.so")

ExternalProject_Add(kiln_release
  SOURCE_DIR "${CMAKE_CURRENT_SOURCE_DIR}"
  BINARY_DIR "${_binary}"
  CONFIGURE_COMMAND ${CMAKE_COMMAND} --preset release -S <SOURCE_DIR> -B <BINARY_DIR> -DKILN_BUILD_TESTS=OFF -DKILN_BUILD_EXAMPLES=OFF
  BUILD_COMMAND ${CMAKE_COMMAND} --build <BINARY_DIR> --target kiln
  BUILD_BYPRODUCTS "${_kiln}" "${_runtime}"
  INSTALL_COMMAND ""
  BUILD_ALWAYS ON # ninja knows whether there is anything to do
  USES_TERMINAL_BUILD ON)

add_library(Kiln::runtime SHARED IMPORTED GLOBAL)
set_target_properties(Kiln::runtime PROPERTIES IMPORTED_LOCATION "${_runtime}")
target_include_directories(Kiln::runtime INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/runtime/include")
target_compile_features(Kiln::runtime INTERFACE cxx_std_20)

add_library(Kiln::kiln SHARED IMPORTED GLOBAL)
set_target_properties(Kiln::kiln PROPERTIES IMPORTED_LOCATION "${_kiln}")
target_include_directories(Kiln::kiln INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/dsl/include" "${CMAKE_CURRENT_SOURCE_DIR}/kernels/include")
target_link_libraries(Kiln::kiln INTERFACE Kiln::runtime)

add_dependencies(Kiln::runtime kiln_release)
add_dependencies(Kiln::kiln kiln_release)
