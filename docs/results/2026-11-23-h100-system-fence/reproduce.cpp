// Device memory that the CUDA driver loses with each fence of system scope in a kernel that is loaded and unloaded.
// Needs the driver and its header alone:
//   c++ -std=c++20 -I$CUDA/include reproduce.cpp -L$CUDA/lib64/stubs -lcuda && ./a.out
#include <cuda.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

void check(CUresult status, const char *what) {
  if (status != CUDA_SUCCESS) {
    std::printf("%s: %d\n", what, status);
    std::exit(1);
  }
}
#define CHECK(call) check(call, #call)

/// The machine code of a kernel that stores, does `what`, and stores again.
std::vector<char> assemble(const std::string &what) {
  const std::string ptx = ".version 8.0\n.target sm_90\n.address_size 64\n"
                          ".visible .entry k(.param .u64 p) {\n"
                          ".reg .b64 %a; ld.param.b64 %a, [p]; st.global.b32 [%a], 1;\n" +
                          what + "\nst.global.b32 [%a+4], 2; ret; }\n";
  CUlinkState state;
  void *cubin = nullptr;
  size_t bytes = 0;
  CHECK(cuLinkCreate(0, nullptr, nullptr, &state));
  CHECK(cuLinkAddData(state, CU_JIT_INPUT_PTX, const_cast<char *>(ptx.c_str()), ptx.size() + 1, "k", 0, nullptr,
                      nullptr));
  CHECK(cuLinkComplete(state, &cubin, &bytes));
  std::vector<char> code(static_cast<char *>(cubin), static_cast<char *>(cubin) + bytes);
  CHECK(cuLinkDestroy(state));
  return code;
}

void load_as_library(const void *code) {
  CUlibrary library;
  CUkernel kernel;
  CUfunction function;
  CHECK(cuLibraryLoadData(&library, code, nullptr, nullptr, 0, nullptr, nullptr, 0));
  CHECK(cuLibraryGetKernel(&kernel, library, "k"));
  CHECK(cuKernelGetFunction(&function, kernel));
  CHECK(cuFuncLoad(function));
  CHECK(cuLibraryUnload(library));
}

void load_as_module(const void *code) {
  CUmodule module;
  CUfunction function;
  CHECK(cuModuleLoadData(&module, code));
  CHECK(cuModuleGetFunction(&function, module, "k"));
  CHECK(cuFuncLoad(function));
  CHECK(cuModuleUnload(module));
}

size_t used_bytes() {
  size_t free = 0, total = 0;
  CHECK(cuMemGetInfo(&free, &total));
  return total - free;
}

void measure(const char *api, void (*load)(const void *), const char *what, int times) {
  constexpr int loads = 8192;
  std::string text;
  for (int i = 0; i < times; ++i)
    text += what;
  const std::vector<char> code = assemble(text);
  for (int i = 0; i < 256; ++i)
    load(code.data());
  const size_t before = used_bytes();
  for (int i = 0; i < loads; ++i)
    load(code.data());
  const long lost = long(used_bytes()) - long(before);
  std::printf("%s,\"%s\",%d,%d,%ld,%ld\n", api, times ? what : "nothing", times, loads, lost, lost / loads);
}

} // namespace

int main() {
  CUdevice device;
  CUcontext context;
  CHECK(cuInit(0));
  CHECK(cuDeviceGet(&device, 0));
  CHECK(cuDevicePrimaryCtxRetain(&context, device));
  CHECK(cuCtxSetCurrent(context));
  std::printf("api,in the kernel,times,loads,bytes lost,bytes lost a load\n");
  measure("cuLibraryLoadData", load_as_library, "", 0);
  for (const char *what : {"fence.acq_rel.gpu;", "fence.sc.gpu;", "fence.acq_rel.sys;", "fence.sc.sys;", "membar.sys;",
                           "red.relaxed.sys.global.add.u32 [%a], 1;", "st.release.sys.global.b32 [%a], 3;"})
    for (int times : {1, 2, 4})
      measure("cuLibraryLoadData", load_as_library, what, times);
  for (const char *what : {"fence.sc.gpu;", "fence.sc.sys;"})
    for (int times : {1, 2, 4})
      measure("cuModuleLoadData", load_as_module, what, times);
}
