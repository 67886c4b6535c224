# Finds LibTorch and the Debian packages that gm depends on.
# gm_torch: the CPU part of LibTorch. gm_dependencies: everything else.

# ---- LibTorch -------------------------------------------------------------------------------------
# The programs link only libtorch_cpu and libc10, as imported libraries. find_package(Torch) would require
# a CUDA compiler. A program linked to libtorch_cuda has so much static thread-local storage that threads
# with small stacks (those of the metrics server) cannot start.
if(DEFINED ENV{GM_TORCH_ENV})
  set(gm_torch_env $ENV{GM_TORCH_ENV})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(gm_torch_env $ENV{XDG_CACHE_HOME}/gm/torch-2.11.0)
else()
  set(gm_torch_env $ENV{HOME}/.cache/gm/torch-2.11.0)
endif()
file(GLOB gm_torch_found ${gm_torch_env}/lib/python3*/site-packages/torch)
set(GM_TORCH_DIR "${gm_torch_found}" CACHE PATH "Folder of LibTorch 2.11, which contains include/ and lib/")
if(NOT EXISTS "${GM_TORCH_DIR}/lib/libtorch_cpu.so")
  message(FATAL_ERROR
    "No LibTorch in ${gm_torch_env}${GM_TORCH_DIR}. Run ./launch/setup, which installs it, or name "
    "another one with -DGM_TORCH_DIR=FOLDER (the folder that contains include/ and lib/).")
endif()

# The wheel contains headers of a newer fmt without its library. So the system's fmt headers, through a
# folder that contains only them, come first.
find_package(fmt REQUIRED CONFIG)
find_path(GM_FMT_INCLUDE_DIR fmt/format.h REQUIRED NO_CACHE)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/system_fmt)
file(CREATE_LINK ${GM_FMT_INCLUDE_DIR}/fmt ${CMAKE_BINARY_DIR}/system_fmt/fmt SYMBOLIC)

add_library(gm_torch INTERFACE)
target_include_directories(gm_torch SYSTEM INTERFACE
  ${CMAKE_BINARY_DIR}/system_fmt ${GM_TORCH_DIR}/include
  ${GM_TORCH_DIR}/include/torch/csrc/api/include)
# Without -fopenmp, at::parallel_for is serial and gives no warning. The OpenMP runtime must be the one of
# LibTorch: two runtimes in one process would each start a thread pool.
target_compile_options(gm_torch INTERFACE -fopenmp)
foreach(library libtorch_cpu.so libc10.so libgomp*.so*)
  file(GLOB location ${GM_TORCH_DIR}/lib/${library})
  if(location)
    cmake_path(GET location STEM name)
    add_library(gm_${name} SHARED IMPORTED)
    set_target_properties(gm_${name} PROPERTIES IMPORTED_LOCATION ${location})
    target_link_libraries(gm_torch INTERFACE gm_${name})
  else()
    target_link_options(gm_torch INTERFACE -fopenmp)  # This LibTorch uses the libgomp of the system.
  endif()
endforeach()
# libtorch_cpu finds its CUDA libraries through its own run path. The linker does not find them.
target_link_options(gm_torch INTERFACE -Wl,--allow-shlib-undefined)

# ---- Debian packages ------------------------------------------------------------------------------
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
find_package(PkgConfig REQUIRED)
pkg_search_module(HDF5 REQUIRED IMPORTED_TARGET hdf5-serial hdf5)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(CLI11 REQUIRED CLI11)
pkg_check_modules(NLOHMANN_JSON REQUIRED nlohmann_json)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(spdlog REQUIRED CONFIG)
find_package(prometheus-cpp REQUIRED CONFIG)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent_extra libevent_core)

add_library(gm_dependencies INTERFACE)
# Only the C interface of MPI. toml++ comes from its shared library instead of being compiled in every unit.
target_compile_definitions(gm_dependencies INTERFACE OMPI_SKIP_MPICXX TOML_HEADER_ONLY=0)
target_link_libraries(gm_dependencies INTERFACE
  Threads::Threads MPI::MPI_C PkgConfig::HDF5 PkgConfig::XXHASH PkgConfig::JPEG
  PkgConfig::TOMLPLUSPLUS PNG::PNG ZLIB::ZLIB OpenSSL::Crypto fmt::fmt spdlog::spdlog prometheus-cpp::core PkgConfig::LIBEVENT)
