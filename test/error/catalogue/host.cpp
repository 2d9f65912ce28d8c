// Mistakes around kernels: configs, compiling, launching, and what kernels do when they run.
#include "catalogue.h"

#include "kiln/any_kernel.h"
#include "kiln/debug.h"
#include "kiln/kernels/paged_attention.h"
#include "kiln/kernels/registry.h"
#include "kiln/kernels/vector_add.h"
#include "kiln/stream.h"
#include "kiln/tune.h"

#include <cmath>
#include <vector>

using namespace kiln_test;
using namespace kiln;

namespace {

struct Tiles {
  int block = 64;
  int num_warps = 4;
};

constexpr int copy_line = __LINE__ + 2;
void copy(const Tiles &c, ptr<const float> in, ptr<float> out, scalar<int> n) {
  Tile i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, load(in + i, {.mask = i < n}), {.mask = i < n});
}
const Kernel copy_kernel{"copy", copy};

// An exchange between threads of more bytes than there are.
constexpr int large_line = __LINE__ + 3;
void large(const Tiles &c, ptr<const float> in, ptr<float> out) {
  Tile i = arange(0, c.block);
  Tile sums = cumsum(load(in + i), 0);
  store(out + i, sums);
}

// Of the entry for kernels that compile themselves.
const Kernel<Tiles> *self = nullptr;
const Kernel self_kernel{"self", [](const Tiles &c) { self->compile(c, Device::cpu()); }};
const int self_is_set = (self = &self_kernel, 0);

} // namespace

namespace {

// A load that goes past the end of its buffer.
constexpr int past_line = __LINE__ + 2;
void past(const Tiles &c, ptr<const float> in, ptr<float> out) {
  Tile x = load(in + arange(0, c.block));
  store(out + arange(0, c.block), x * 2);
}
const Kernel past_kernel{"past", past};

constexpr int assert_line = __LINE__ + 3;
void checked(const Tiles &c, ptr<const int> table, scalar<int> pages) {
  Tile page = load(table + arange(0, c.block));
  device_assert(page < pages, "page out of range");
}
const Kernel checked_kernel{"checked", checked};

constexpr int finite_line = __LINE__ + 3;
void finite(const Tiles &c, ptr<const float> in, ptr<float> out) {
  Tile x = load(in + arange(0, c.block));
  check_finite(x, "the input");
  store(out + arange(0, c.block), x);
}
const Kernel finite_kernel{"finite", finite};

constexpr int range_line = __LINE__ + 3;
void gather(const Tiles &c, ptr<const int> table, ptr<const float> pages, ptr<float> out, scalar<int> count) {
  Tile page = load(table + arange(0, c.block));
  check_range(page, 0, count, "page");
  store(out + arange(0, c.block), load(pages + page));
}
const Kernel gather_kernel{"gather", gather};

constexpr int wrap_line = __LINE__ + 2;
void wrap(const Tiles &, ptr<float> out, scalar<int> stride) {
  Tile at = out + stride * stride;
  store(at, 1);
}
const Kernel wrap_kernel{"wrap", wrap};

constexpr int promise_line = __LINE__ + 3;
void promised(const Tiles &, ptr<float> out, scalar<int> stride) {
  Tile twice = stride * 2;
  Tile rows = assume_multiple(twice, 8);
  store(out + rows, 1);
}
const Kernel promised_kernel{"promised", promised};

const Kernel late_kernel{"late", [](const Tiles &, ptr<int> out) { store(out, 1); }};

std::vector<float> floats(std::size_t n) { return std::vector<float>(n, 1); }

} // namespace

Group kiln_test::config_mistakes() {
  return {
      "Configs and problems",
      "What a struct may be, the C++ compiler checks; its values are checked before anything is traced or launched.",
      {
          {"A number of warps that there cannot be", "TraceError", "got 3", "num_warps is a power of two from 1 to 32",
           ON_HOST(copy_kernel.trace({.num_warps = 3});)},
          {"A config that makes a bad tile", "TraceError", "got [48]", "every dimension of a tile is a power of two",
           OF_LINE(copy_line, copy_kernel.trace({.block = 48});)},
          {"A config of the wrong length", "InvalidArgument", "copy: the config has 2 members", "3 values were given",
           ON_HOST(AnyKernel(copy_kernel).trace(std::vector<ConfigValue>{64, 4, 1});)},
          {"A tile size that the library's kernel does not take", "InvalidArgument", "config.block is 1000",
           "must be a power of two from 1 to 65536",
           ON_HOST(auto x = floats(8); auto out = floats(8);
                   kernels::vector_add<float>({.x = x.data(), .y = x.data(), .out = out.data(), .n = 8},
                                              {.block = 1000}, {.device = Device::cpu()});)},
          {"A problem without memory", "InvalidArgument", "vector_add: x is null", "is null",
           ON_HOST(kernels::vector_add<float>({.n = 8}, {}, {.device = Device::cpu()});)},
          {"A result that overlaps what is read", "InvalidArgument", "out overlaps x", "overlaps",
           ON_HOST(auto x = floats(16); kernels::vector_add<float>(
                       {.x = x.data(), .y = x.data(), .out = x.data() + 4, .n = 8}, {}, {.device = Device::cpu()});)},
          {"A kernel that the library lacks", "InvalidArgument", "the library has no kernel 'vector_sub'",
           "kernels::all_kernels() lists those there are", ON_HOST(kernels::find_kernel("vector_sub");)},
          {"Tuning without configs", "InvalidArgument", "cannot tune 'copy': there are no configs to choose from",
           "no configs", ON_HOST(tune<Tiles>({}, {.kernel = copy_kernel, .launch = {}}, {.device = Device::cpu()});)},
          {"Tuning where times mean nothing", "InvalidArgument", "whose launches take no time that means anything",
           "tune on the CPU or on a CUDA device",
           ON_HOST(tune<Tiles>({{}}, {.kernel = copy_kernel, .launch = {}}, {.device = Device::interpreter()});)},
          {"Tuning without a launch", "InvalidArgument", "cannot tune 'copy': TuneSubject::launch is empty",
           "it has to enqueue a launch with the config it is given",
           ON_HOST(tune<Tiles>({{}}, {.kernel = copy_kernel, .launch = {}}, {.device = Device::cpu()});)},
          {"Tuning configs of which none works", "TuneError",
           "none of the configs works:", "num_warps is a power of two from 1 to 32",
           ON_HOST(tune<Tiles>({{.num_warps = 3}},
                               {.kernel = copy_kernel, .launch = [](const Tiles &, const TuneLaunch &) {}},
                               {.device = Device::cpu(), .keep = false})
                       .best();)},
      }};
}

Group kiln_test::compile_mistakes() {
  return {
      "Compiling",
      "None of this needs a GPU.",
      {
          {"More shared memory than there is", "CompileError",
           "bytes of shared memory, but a program has 232448 at most", "use smaller tiles",
           OF_LINE(large_line, Kernel("large", large).compile({.block = 262144}, Target::parse("sm_90a"));)},
          {"A tile that no registers can hold", "CompileError",
           "each of 128 threads holds 4096 elements, but a thread can hold 2048",
           "use smaller tiles or raise num_warps",
           OF_LINE(copy_line, copy_kernel.compile({.block = 524288}, Target::parse("sm_90a"));)},
          {"An architecture that there is no code for", "InvalidArgument", "unknown target 'sm_70'",
           "the targets are cpu, sm_80", ON_HOST(copy_kernel.compile({}, Target::parse("sm_70"));)},
          {"Code of the processor", "InvalidArgument", "its code lives in this process", "pass kiln::Device::cpu()",
           ON_HOST(copy_kernel.compile({}, Target::parse("cpu"));)},
          {"A stage that there is not", "InvalidArgument", "there is no stage 'sass' of sm_90a",
           "there are: tile, tile_gpu", ON_HOST(copy_kernel.emit({}, Target::parse("sm_90a"), "sass");)},
          {"A kernel that compiles itself", "LaunchError", "a kernel function cannot launch or compile its own kernel",
           "with the config it is being traced for", ON_HOST(self->compile({}, Device::cpu());)},
      }};
}

Group kiln_test::launch_mistakes() {
  return {"Launching",
          "Arguments of the wrong type, numbers that would arrive changed, and too few arguments, the C++ compiler "
          "refuses. Alignment and divisibility are no mistakes.",
          {
              {"No device", "LaunchError", "no device was given, and there is no current CUDA context",
               "pass .device = kiln::Device::cpu()", ON_HOST(copy_kernel.launch({}, {}, nullptr, nullptr, 0);)},
              {"Compiling for no device", "DeviceError", "no device was given, and there is no current CUDA context",
               "pass kiln::Device::cpu()", ON_HOST(copy_kernel.compile({});)},
              {"A device of an unknown name", "InvalidArgument", "unknown device 'gpu'",
               "there are cpu, interpreter, cuda:N and emulated:ARCH", ON_HOST(Device::parse("gpu");)},
              {"An emulated device that there is not", "InvalidArgument", "unknown GPU architecture 'sm_90'",
               "there are sm_80, sm_86, sm_89, sm_90a", ON_HOST(Device::emulated("sm_90");)},
              {"A grid without programs", "LaunchError", "the grid is (0, 1, 1)", "its x must be from 1 to 2147483647",
               ON_HOST(copy_kernel.launch({.grid = 0, .device = Device::cpu()}, {}, nullptr, nullptr, 0);)},
              {"A grid of a negative size", "InvalidArgument", "a grid dimension must be", "between 0 and 2147483647",
               ON_HOST(copy_kernel.launch({.grid = -1, .device = Device::cpu()}, {}, nullptr, nullptr, 0);)},
              {"A grid that is too high", "LaunchError", "the grid is (1, 65536, 1)", "its y must be from 1 to 65535",
               ON_HOST(copy_kernel.launch({.grid = {1, 65536}, .device = Device::cpu()}, {}, nullptr, nullptr, 0);)},
              {"An early launch of a kernel that does not wait", "LaunchError",
               "the launch is programmatic, but the kernel never calls kiln::wait_for_launches()",
               "would read what launches before it have yet to write",
               ON_HOST(int out = 0; late_kernel.launch({.device = Device::cpu(), .programmatic = true}, {}, &out);)},
              {"Memory of no device", "InvalidArgument", "DeviceBuffer: no device was given", "no device",
               ON_HOST(DeviceBuffer buffer(Device(), 64);)},
              {"More memory than the host has", "OutOfMemory", "cpu: cannot allocate 18446744073709551615 bytes",
               "use smaller buffers, or free some", ON_HOST(DeviceBuffer buffer(Device::cpu(), SIZE_MAX);)},
              {"A copy past the end", "InvalidArgument", "bytes 0 to 65 are not within", "the buffer of 64 bytes",
               ON_HOST(std::vector<char> host(65); DeviceBuffer(Device::cpu(), 64).copy_from_host(host.data(), 65);)},
              {"A stream of the processor", "InvalidArgument", "Stream: device 'cpu' is not a CUDA device",
               "not a CUDA device", ON_HOST(Stream stream(Device::cpu());)},
              {"A graph of nothing", "InvalidArgument", "Graph::end: begin() was not called", "begin()",
               ON_HOST(Graph().end();)},
              {"Properties of the processor", "InvalidArgument", "device 'cpu' is not a CUDA device",
               "not a CUDA device", ON_HOST(cuda::properties(Device::cpu());)},
          }};
}

Group kiln_test::run_mistakes() {
  return {
      "Running",
      "Checks are compiled into a kernel only where they are on: `KILN_CHECK=1` or `debug::set_checks(true)`, "
      "`KILN_ASSERT=1` or `debug::set_asserts(true)`. On emulated devices accesses are always checked.",
      {
          {"An access past the end of a buffer", "TrapError", "0 bytes past the end of buffer 'in' (100 bytes)",
           "note: while running 'past' with {64, 4}",
           OF_LINE(past_line, debug::set_checks(true); auto in = floats(25); auto out = floats(64);
                   debug::Buffer a(in.data(), 100, "in"); debug::Buffer b(out.data(), 256, "out");
                   past_kernel.launch({.device = Device::cpu()}, {}, in.data(), out.data());)},
          {"An access of memory that nobody named", "TrapError", "and no buffer is registered",
           "debug::register_buffer",
           OF_LINE(past_line, debug::set_checks(true); auto in = floats(64); auto out = floats(64);
                   past_kernel.launch({.device = Device::cpu()}, {}, in.data(), out.data());)},
          {"An assert that fails", "TrapError", "page out of range, at element (17)",
           "note: while running 'checked' with {64, 4}",
           OF_LINE(assert_line, debug::set_asserts(true); std::vector<int> table(64, 3); table[17] = 9;
                   checked_kernel.launch({.device = Device::cpu()}, {}, table.data(), 8);)},
          {"An assert that fails in the interpreter", "TrapError", "page out of range",
           "note: while running 'checked' with {64, 4}",
           OF_LINE(assert_line, debug::set_asserts(true); std::vector<int> table(64, 3); table[17] = 9;
                   checked_kernel.launch({.device = Device::interpreter()}, {}, table.data(), 8);)},
          {"An assert that fails on an emulated GPU", "TrapError", "page out of range",
           "note: while running 'checked' with {64, 4}",
           OF_LINE(assert_line, debug::set_asserts(true); DeviceBuffer table(Device::emulated("sm_90a"), 256);
                   table.fill(9); checked_kernel.launch({.device = table.device()}, {}, table.as<int>(), 8);)},
          {"A NaN where there must be none", "TrapError", "the input is NaN or infinite, at element (17)",
           "note: while running 'finite' with {64, 4}",
           OF_LINE(finite_line, debug::set_checks(true); auto in = floats(64); in[17] = NAN;
                   debug::Buffer a(in.data(), 256, "in");
                   finite_kernel.launch({.device = Device::cpu()}, {}, in.data(), in.data());)},
          {"An entry of a table that names no page", "TrapError", "page is out of range, at element (17)",
           "note: while running 'gather' with {64, 4}",
           OF_LINE(range_line, debug::set_checks(true); std::vector<int> table(64, 3); table[17] = -1;
                   auto pages = floats(8); auto out = floats(64); debug::Buffer a(table.data(), 256, "table");
                   debug::Buffer b(pages.data(), 32, "pages"); debug::Buffer d(out.data(), 256, "out");
                   gather_kernel.launch({.device = Device::cpu()}, {}, table.data(), pages.data(), out.data(), 8);)},
          {"An offset that wraps in 32 bits", "TrapError", "the offset of this address wraps in 32 bits",
           "compute it in 64, with .to(kiln::i64)",
           OF_LINE(wrap_line, debug::set_checks(true); auto out = floats(1); debug::Buffer a(out.data(), 4, "out");
                   wrap_kernel.launch({.device = Device::cpu()}, {}, out.data(), 1 << 16);)},
          {"A promise that is broken", "TrapError", "a multiple of 8", "note: while running 'promised' with {64, 4}",
           OF_LINE(promise_line, debug::set_asserts(true); auto out = floats(64);
                   promised_kernel.launch({.device = Device::interpreter()}, {}, out.data(), 3);)},
          {"An access past the end on an emulated GPU", "CheckError",
           "0 bytes past the end of buffer 'device buffer' (100 bytes)",
           "note: in program (0, 0, 0) of 'past', warp 0, lanes 25-31",
           OF_LINE(past_line, DeviceBuffer in(Device::emulated("sm_90a"), 100); DeviceBuffer out(in.device(), 256);
                   in.fill(0); past_kernel.launch({.device = in.device()}, {}, in.as<float>(), out.as<float>());)},
          {"An output that is not written, on an emulated GPU", "CheckError",
           "byte 256 of output 'out' (512 bytes) is not written by the kernel", "others of its bytes are written here",
           ON_HOST(DeviceBuffer in(Device::emulated("sm_90a"), 256); DeviceBuffer out(in.device(), 512); in.fill(0);
                   debug::Output all(out.data(), out.bytes(), "out");
                   past_kernel.launch({.device = in.device()}, {}, in.as<float>(), out.as<float>());)},
          {"A buffer that overlaps another", "InvalidArgument", "overlaps buffer 'whole' (64 bytes)",
           "debug::register_buffer: buffer 'part'",
           ON_HOST(char memory[64]; debug::Buffer whole(memory, 64, "whole");
                   debug::Buffer part(memory + 8, 8, "part");)},
          {"A buffer at no address", "InvalidArgument", "buffer 'x' has a null address", "null address",
           ON_HOST(debug::register_buffer(nullptr, 8, "x");)},
      }};
}
