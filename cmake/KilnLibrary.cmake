# libkiln.so: language, compiler and kernels in one library, on top of libkiln_runtime.so; and what is installed of them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(kiln SHARED $<TARGET_OBJECTS:kiln_dsl> $<TARGET_OBJECTS:kiln_kernels>)
add_library(Kiln::kiln ALIAS kiln)
set_target_properties(kiln PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(kiln PUBLIC cxx_std_20)
target_include_directories(kiln PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/dsl/include>
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/kernels/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(kiln PUBLIC kiln_runtime PRIVATE ${KILN_COMPILER_LIBRARIES} kiln_mlir)

set_target_properties(kiln kiln_runtime PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  BUILD_RPATH_USE_ORIGIN ON
  INSTALL_RPATH "$ORIGIN")

if(NOT CMAKE_BUILD_TYPE MATCHES "^(Asan|Tsan)$") # there the sanitizers' runtime is found in the program
  target_link_options(kiln PRIVATE -Wl,-z,defs)
  target_link_options(kiln_runtime PRIVATE -Wl,-z,defs)
endif()

# Its static objects, and those of LLVM where that is within, are never destroyed; so it is not unloaded either.
target_link_libraries(kiln PRIVATE kiln_immortal)
target_link_options(kiln PRIVATE -Wl,-z,nodelete -Wl,--wrap=__cxa_atexit -Wl,--wrap=__cxa_thread_atexit)

# Part of the key of everything that is kept on disk: another build makes other code.
target_link_options(kiln PRIVATE -Wl,--build-id=sha1)

if(KILN_STATIC_LLVM)
  # Only kiln:: leaves the libraries, so that a process may hold another LLVM beside this one.
  foreach(_library kiln kiln_runtime)
    target_link_options(${_library} PRIVATE
      -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/kiln.map
      -Wl,--exclude-libs,ALL -Wl,-Bsymbolic-functions
      -Wl,--gc-sections -Wl,--icf=all -Wl,-O2 -Wl,--as-needed -Wl,--strip-all -Wl,-z,pack-relative-relocs)
    set_property(TARGET ${_library} APPEND PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/kiln.map)
  endforeach()
endif()

install(TARGETS kiln kiln_runtime EXPORT KilnTargets LIBRARY NAMELINK_SKIP)
# A program links `-lkiln` and nothing else. It calls into libkiln_runtime.so too, which linkers do not take from what libkiln.so needs, so
# the name that they look for is a script that names both.
set(_soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
file(WRITE ${PROJECT_BINARY_DIR}/install/libkiln.so "INPUT(libkiln.so.${_soversion} AS_NEEDED(libkiln_runtime.so.${_soversion}))\n")
install(FILES ${PROJECT_BINARY_DIR}/install/libkiln.so DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(CODE "file(CREATE_LINK libkiln_runtime.so.${_soversion} \
  \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libkiln_runtime.so\" SYMBOLIC)")
install(DIRECTORY runtime/include/kiln dsl/include/kiln kernels/include/kiln DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
# The Python package looks for the library from here upwards.
install(DIRECTORY kernels/python/kiln DESTINATION ${CMAKE_INSTALL_DATADIR}/kiln/python FILES_MATCHING PATTERN *.py)
set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/Kiln)
install(EXPORT KilnTargets NAMESPACE Kiln:: DESTINATION ${_package})
configure_package_config_file(cmake/KilnConfig.cmake.in ${PROJECT_BINARY_DIR}/KilnConfig.cmake INSTALL_DESTINATION ${_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/KilnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/KilnConfig.cmake ${PROJECT_BINARY_DIR}/KilnConfigVersion.cmake cmake/KilnIRTests.cmake
        DESTINATION ${_package})

# For builds without CMake: g++ program.cpp $(pkg-config --cflags --libs kiln)
file(RELATIVE_PATH KILN_PC_INCLUDE "${CMAKE_INSTALL_FULL_LIBDIR}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
foreach(_name IN ITEMS kiln kiln-runtime)
  configure_file(cmake/${_name}.pc.in ${PROJECT_BINARY_DIR}/${_name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${_name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
