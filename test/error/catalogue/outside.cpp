// What comes from outside of Kiln: functions of CUDA C++ and bitcode, packs of compiled kernels, tensors of others.
#include "catalogue.h"

#include "kiln/dlpack.h"
#include "kiln/pack.h"

#include "../../unit/interop/dl_array.h"
#include "../../unit/runtime/pack_support.h"
#include "../../unit/temporary_directory.h"

#include <cstdlib>
#include <filesystem>

using namespace kiln_test;
using namespace kiln;
using kiln::test::DlArray;
using runtime::test::read_file;
using runtime::test::scale_content;
using runtime::test::write_file;

namespace {

struct Tiles {
  int block = 64;
};

// ---- Device functions

using Function = DeviceFunction<float(float)>;

/// A kernel that calls the function on each element, which it keeps.
constexpr int call_line = __LINE__ + 6;
void apply(const Function &function, const auto &use) {
  static Function called = function;
  called = function;
  const Kernel kernel{"apply", [](const Tiles &c, ptr<const float> in, ptr<float> out) {
                        Tile i = arange(0, c.block);
                        store(out + i, called(load(in + i)));
                      }};
  use(kernel);
}
void compile(const Function &function) {
  apply(function, [](const auto &kernel) { kernel.emit({}, Target::parse("sm_90a"), "ptx"); });
}
void compile_for(const Function &function, Device device) {
  apply(function, [&](const auto &kernel) { kernel.compile({}, device); });
}

constexpr int undefined_line = __LINE__ + 2;
const auto undefined = Function::cuda("square", R"(
__device__ float square(float x) { return x * y; })");
constexpr int misnamed_line = __LINE__ + 1;
const auto misnamed = Function::cuda("square", "__device__ float squared(float x) { return x * x; }");
const auto square = Function::cuda("square", "__device__ float square(float x) { return x * x; }");

// ---- Packs

/// Makes a directory of its own the current one.
void enter_new_directory() {
  static const TemporaryDirectory directory;
  std::filesystem::current_path(directory.path());
}

/// A pack of `scale(ptr<const float>, ptr<float>, scalar<int>)` for sm_90a, with two configs.
Pack make_pack() {
  enter_new_directory();
  const runtime::PackContent contents[] = {scale_content("block=128 num_warps=4"),
                                           scale_content("block=256 num_warps=4")};
  runtime::write_pack("kernels.kpack", contents);
  return Pack("kernels.kpack");
}

void change_byte(const std::string &path, std::size_t from_end) {
  std::string bytes = read_file(path);
  bytes[bytes.size() - from_end] ^= 1;
  write_file(path, bytes);
}

// ---- Tensors

DlArray<float> &floats() {
  static DlArray<float> array({4});
  return array;
}

} // namespace

Group kiln_test::device_function_mistakes() {
  return {
      "Device functions",
      "Functions of CUDA C++ are compiled with the kernels that call them, so NVRTC speaks then; it names the line in "
      "the file where the function was made. `compile(f)` stands for compiling a kernel that calls f, for sm_90a.",
      {
          Mistake{"An argument of another type", "TraceError",
                  "'square': argument 1 is tile<8xi32>, but the function takes f32", "convert it with .to(kiln::f32)",
                  IN_KERNEL((const Config &), square(arange(0, 8));)},
          Mistake{"A call outside of a kernel", "TraceError", "tiles can only be used",
                  "inside a kernel that is being traced", ON_HOST(square(2);)},
          Mistake{"A name that is none", "InvalidArgument", "a device function needs the name of a function, got 'a b'",
                  "needs the name of a function", ON_HOST(Function::cuda("a b", "");)},
          Mistake{"No host implementation", "CompileError",
                  "device function 'square' has no host implementation, which the CPU needs",
                  "give one in its options, .host = [](float x) { ... }",
                  OF_LINE(call_line, compile_for(square, Device::cpu());)},
          Mistake{"CUDA C++ with an error", "CompileError", "error: identifier \"y\" is undefined",
                  "note: in device function 'square', made at ", OF_LINE(undefined_line, compile(undefined);)}
              .in(World::nvrtc)
              .that_varies(),
          Mistake{"CUDA C++ that lacks the function", "CompileError", "error: identifier \"square\" is undefined",
                  "note: in device function 'square', made at ", OF_LINE(misnamed_line, compile(misnamed);)}
              .in(World::nvrtc)
              .that_varies(),
          Mistake{"No NVRTC", "CompileError", "CUDA C++ needs NVRTC, which was not found",
                  "KILN_NVRTC names no file (/nowhere/libnvrtc.so)",
                  ON_HOST(setenv("KILN_NVRTC", "/nowhere/libnvrtc.so", 1); compile(square);)}
              .in(World::own),
          Mistake{"An NVRTC that is none", "CompileError",
                  "CUDA C++ needs NVRTC, which cannot be used: ", "install another, or name one in KILN_NVRTC",
                  ON_HOST(setenv("KILN_NVRTC", "/proc/self/exe", 1); compile(square);)}
              .in(World::own)
              .that_varies(),
          Mistake{"Bitcode that is none", "CompileError", "the bitcode of device function 'f' cannot be read: ",
                  "note: while compiling 'apply' with {64}", ON_HOST(compile(Function::bitcode("f", "no IR"));)},
          Mistake{"Bitcode of another function", "CompileError", "defines no function 'f'",
                  "one that is not extern \"C\" has another name there",
                  ON_HOST(compile(Function::bitcode("f", "define float @g(float %x) { ret float %x }"));)},
          Mistake{"Bitcode of another type", "CompileError", "has it as 'double (float)'",
                  "its signature needs 'float (float)'",
                  ON_HOST(compile(Function::bitcode("f", "define double @f(float %x) { ret double 0.0 }"));)},
          Mistake{"Bitcode for the processor", "CompileError", "is for 'x86_64-pc-linux-gnu'",
                  "a GPU takes code for nvptx64-nvidia-cuda",
                  ON_HOST(compile(Function::bitcode("f", "target triple = \"x86_64-pc-linux-gnu\"\n"
                                                         "define float @f(float %x) { ret float %x }"));)},
      }};
}

Group kiln_test::pack_mistakes() {
  return {
      "Packs",
      "`make_pack()` stands for opening kernels.kpack, which has 'scale' for sm_90a with two configs.",
      {
          Mistake{"A pack that is not there", "PackError", "pack 'nowhere.kpack': it cannot be opened", "No such file",
                  ON_HOST(Pack("nowhere.kpack");)},
          Mistake{"A directory", "PackError", "pack '/': it is not a regular file", "not a regular file",
                  ON_HOST(Pack("/");)},
          Mistake{"A file of another kind", "PackError", "pack 'text.kpack': it is no pack of kernels",
                  "make the pack with this version's kiln-compile --pack",
                  ON_HOST(enter_new_directory(); write_file("text.kpack", std::string(4096, 'x')); Pack("text.kpack");)}
              .in(World::own),
          Mistake{"A damaged pack", "PackError",
                  "pack 'kernels.kpack': the code of 'scale' with {block=256 num_warps=4}",
                  "is damaged: its checksum does not match; make the pack with this version's kiln-compile --pack",
                  ON_HOST(make_pack(); change_byte("kernels.kpack", 1); Pack("kernels.kpack").images(1);)}
              .in(World::own),
          Mistake{"A pack for which there is no place", "PackError",
                  "pack '/proc/nowhere/kernels.kpack': it cannot be written", "No such file",
                  ON_HOST(const runtime::PackContent contents[] = {scale_content()};
                          runtime::write_pack("/proc/nowhere/kernels.kpack", contents);)},
          Mistake{"A kernel that a pack lacks", "InvalidArgument", "pack 'kernels.kpack': it has no kernel 'sale'",
                  "it has scale", ON_HOST((void)make_pack().find("sale", {}, Device::cuda());)}
              .in(World::devices),
          Mistake{"A config that a pack lacks", "InvalidArgument", "it has no 'scale' with block=64",
                  "it has it with block=128 num_warps=4; block=256 num_warps=4",
                  ON_HOST((void)make_pack().find("scale", "block=64", Device::cuda());)}
              .in(World::devices),
          Mistake{"A config that several kernels have", "InvalidArgument", "several of its kernels are 'scale'",
                  "those with block=128 num_warps=4; block=256 num_warps=4",
                  ON_HOST((void)make_pack().find("scale", "num_warps=4", Device::cuda());)}
              .in(World::devices),
          Mistake{"A GPU for which a pack has no code", "LaunchError", "it has 'scale' for sm_90a",
                  "and the device 'Fake B' is sm_80",
                  ON_HOST((void)make_pack().find("scale", "block=128", Device::cuda(1));)}
              .in(World::devices),
          Mistake{"Code for GPUs on the processor", "InvalidArgument", "it holds code for GPUs",
                  "which the device 'cpu' does not run", ON_HOST((void)make_pack().find("scale", {}, Device::cpu());)}
              .in(World::own),
          Mistake{"An argument that a packed kernel does not take", "InvalidArgument",
                  "cannot launch 'scale': argument 0 is ptr<f64>", "the kernel takes ptr<const f32>",
                  ON_HOST(DeviceBuffer x(Device::cuda(), 512); make_pack()
                                                                   .find("scale", "block=128", Device::cuda())
                                                                   .launch({}, x.as<double>(), x.as<float>(), 64);)}
              .in(World::devices),
      }};
}

Group kiln_test::tensor_mistakes() {
  return {"Tensors of other libraries",
          "`floats()` is an array of 4 floats on the host.",
          {
              Mistake{"A tensor that is missing", "InvalidArgument", "vector_add: y is missing", "y is missing",
                      ON_HOST(dlpack::to_problem<float>(
                                  dlpack::VectorAddTensors{floats().get(), nullptr, floats().get()});)},
              Mistake{"A tensor of another type", "InvalidArgument", "softmax: in has elements of f32, must have f16",
                      "convert it before the call",
                      ON_HOST(dlpack::to_problem<half>(dlpack::SoftmaxTensors{floats().get(), floats().get()});)},
              Mistake{"Elements that Kiln lacks", "InvalidArgument", "softmax: in has elements that no kernel takes",
                      "no element type of DLPack code 5, 64 bits",
                      ON_HOST(DLTensor x = *floats().get(); x.dtype = {kDLComplex, 64, 1};
                              dlpack::to_problem<float>(dlpack::SoftmaxTensors{&x, &x});)},
              Mistake{"Tensors of different sizes", "InvalidArgument", "rms_norm: weight has 3 elements", "but x has 4",
                      ON_HOST(DlArray<float> weight({3}); dlpack::to_problem<float>(
                                  dlpack::RmsNormTensors{floats().get(), weight.get(), floats().get()});)},
              Mistake{"A tensor with gaps", "InvalidArgument", "vector_add: y has gaps",
                      "make it contiguous before the call",
                      ON_HOST(DlArray<float> y({4}, {2}, 8); dlpack::to_problem<float>(
                                  dlpack::VectorAddTensors{floats().get(), y.get(), floats().get()});)},
              Mistake{"Tensors of two devices", "InvalidArgument",
                      "out is in memory of CUDA device 1, but in in that of the "
                      "host",
                      "move one of them",
                      ON_HOST(DLTensor out = *floats().get(); out.device = {kDLCUDA, 1};
                              dlpack::to_problem<float>(dlpack::SoftmaxTensors{floats().get(), &out});)},
              Mistake{"A device that runs no kernels", "InvalidArgument",
                      "a tensor is in memory of a device of DLPack type 10", "copy it there",
                      ON_HOST(DLTensor x = *floats().get(); x.device = {DLDeviceType(10), 0}; dlpack::device_of(x);)},
              Mistake{"A tensor of a newer DLPack", "InvalidArgument",
                      "a tensor is of DLPack 2.0, and Kiln knows version 1", "ask its library for max_version=(1, 0)",
                      ON_HOST(DLManagedTensorVersioned x{}; x.version = {2, 0}; dlpack::view(&x, false);)},
              Mistake{"A tensor that may only be read", "InvalidArgument",
                      "a tensor that the kernel writes is read-only", "pass a copy that can be written",
                      ON_HOST(DLManagedTensorVersioned x{}; x.version = {1, 0}; x.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
                              dlpack::view(&x, true);)},
          }};
}
