// Device functions through the public interface: what they compute on every target, how often they are called, what
// they are compiled to for a GPU, and what is said of faulty ones.
#include "kiln/device_memory.h"
#include "kiln/kiln.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cuda_compiler.h"

#include "../environment.h"
#include "../message_of.h"
#include "../temporary_directory.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace kiln;

namespace {

const TemporaryDirectory cache_directory;
const Environment cache{{"KILN_CACHE_DIR", cache_directory.path()}, {"KILN_CACHE", "on"}};

bool contains(const std::string &text, const std::string &part) { return text.find(part) != text.npos; }

struct Config {
  int block = 64;
  int num_warps = 4;
};

// ---- what is computed

const auto scaled = DeviceFunction<float(float, float)>::cuda(
    "scaled", "__device__ float scaled(float x, float by) { return x * by + 1; }",
    {.host = [](float x, float by) { return x * by + 1; }});

const auto split = DeviceFunction<half(half, int *, bool &)>::cuda("parts::split", R"(
namespace parts {
__device__ float whole(float x) { return floorf(x); }
__device__ __half split(__half x, int *integer, bool &negative) {
  float f = __half2float(x), w = whole(f);
  *integer = int(w);
  negative = f < 0;
  return __float2half(f - w);
}
})",
                                                                   {.host = [](half x, int *integer, bool &negative) {
                                                                     const float f = static_cast<float>(x),
                                                                                 w = std::floor(f);
                                                                     *integer = int(w);
                                                                     negative = f < 0;
                                                                     return half(f - w);
                                                                   }});

const auto wide = DeviceFunction<std::int64_t(std::int8_t, std::int16_t, std::int64_t, double, bfloat16)>::cuda(
    "wide", R"(__device__ long long wide(signed char a, short b, long long c, double d, __nv_bfloat16 e) {
  return a + 2 * b + 3 * c + (long long)d + (long long)__bfloat162float(e);
})",
    {.host = [](std::int8_t a, std::int16_t b, std::int64_t c, double d, bfloat16 e) {
      return a + 2 * b + 3 * c + std::int64_t(d) + std::int64_t(static_cast<float>(e));
    }});

// One row of `x` and one column of `y`: every kind of scalar, several results, arguments that are broadcast.
void compute(const Config &c, ptr<const float> x, ptr<float> out, ptr<std::int64_t> sums) {
  auto i = arange(0, c.block);
  auto rows = arange(0, 8);
  auto v = load(x + i);
  auto table = scaled(col(load(x + rows)), row(v)); // [8, block]
  store(out + col(rows) * c.block + row(i), table);
  auto [fraction, integer, negative] = split(v.to(f16));
  auto rest = scaled(fraction.to(f32), 2);
  store(out + 8 * c.block + i, rest + integer.to(f32) + where(negative, 100.0f, 0.0f));
  auto scalar_result = scaled(load(x), 3);
  store(out + 9 * c.block, scalar_result);
  store(sums + i, wide(integer.to(i8), integer.to(i16), i, v.to(f64), v.to(bf16)));
}
const Kernel compute_kernel{"compute", compute};

class OnDevice : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (std::string(GetParam()) == "cuda") {
      if (cuda::device_count() == 0)
        GTEST_SKIP() << cuda::unavailable_reason();
      if (runtime::nvrtc_identity().empty())
        GTEST_SKIP() << "no NVRTC";
      device = Device::cuda();
    } else {
      device = Device::parse(GetParam());
    }
  }

  /// Memory of the device with what a vector holds.
  template <class T>
  DeviceBuffer upload(const std::vector<T> &host) {
    DeviceBuffer memory(device, host.size() * sizeof(T));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  }

  Device device;
};

TEST_P(OnDevice, ComputesEveryScalarAndBroadcasts) {
  for (const Config c : {Config{}, Config{.block = 16, .num_warps = 2}, Config{.block = 1024, .num_warps = 8}}) {
    std::vector<float> x(c.block), out(9 * c.block + 1, -1);
    std::vector<std::int64_t> sums(c.block);
    for (int i = 0; i < c.block; ++i)
      x[i] = float(i % 100) * 0.75f - 20;
    const DeviceBuffer dx = upload(x), dout = upload(out), dsums = upload(sums);
    compute_kernel.launch({.grid = 1, .device = device}, c, dx.as<float>(), dout.as<float>(), dsums.as<std::int64_t>());
    dout.copy_to_host(out.data(), dout.bytes());
    dsums.copy_to_host(sums.data(), dsums.bytes());
    for (int i = 0; i < c.block; ++i) {
      for (int r = 0; r < 8; ++r)
        ASSERT_EQ(out[r * c.block + i], x[r] * x[i] + 1) << r << " " << i;
      const float whole = std::floor(x[i]);
      ASSERT_EQ(out[8 * c.block + i], 2 * (x[i] - whole) + 1 + whole + (x[i] < 0 ? 100 : 0)) << i;
      ASSERT_EQ(sums[i],
                std::int64_t(whole) * 3 + 3 * i + std::int64_t(x[i]) + std::int64_t(static_cast<float>(bfloat16(x[i]))))
          << i;
    }
    EXPECT_EQ(out[9 * c.block], x[0] * 3 + 1);
  }
}

// What the bitcode does, and what a compiler that is not asked to optimise makes of it.
const char *square_ir = R"(
target triple = "nvptx64-nvidia-cuda"
define half @narrow(float %x) noinline optnone { %h = fptrunc float %x to half ret half %h }
define half @square(float %x, ptr %doubled, i1 %flag) noinline optnone {
  %place = alloca float
  store float %x, ptr %place
  %v = load float, ptr %place
  %d = fadd float %v, %v
  store float %d, ptr %doubled
  %s = fmul float %v, %v
  %chosen = select i1 %flag, float %s, float %v
  %h = call half @narrow(float %chosen)
  ret half %h
}
)";
const auto square = DeviceFunction<half(float, float *, bool)>::bitcode(
    "square", square_ir, {.host = [](float x, float *doubled, bool flag) {
      *doubled = x + x;
      return half(flag ? x * x : x);
    }});
void square_all(const Config &c, ptr<const float> x, ptr<float> out) {
  auto i = arange(0, c.block);
  auto [s, d] = square(load(x + i), i % 2 == 0);
  store(out + i, s.to(f32) + d);
}
const Kernel square_kernel{"square_all", square_all};

TEST_P(OnDevice, BitcodeIsPartOfTheKernel) {
  std::vector<float> x(64), out(64);
  for (int i = 0; i < 64; ++i)
    x[i] = float(i) / 4;
  const DeviceBuffer dx = upload(x), dout = upload(out);
  square_kernel.launch({.grid = 1, .device = device}, {}, dx.as<float>(), dout.as<float>());
  dout.copy_to_host(out.data(), dout.bytes());
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(out[i], static_cast<float>(half(i % 2 == 0 ? x[i] * x[i] : x[i])) + 2 * x[i]) << i;
}

// ---- effects: once for each element, however many threads hold it

std::atomic<int> calls{0}, total{0};
const auto note = DeviceFunction<int(int)>::cuda("note", "__device__ int note(int x) { return x + 1; }",
                                                 {.host =
                                                      [](int x) {
                                                        ++calls;
                                                        total += x;
                                                        return x + 1;
                                                      },
                                                  .pure = false});
const auto tell = DeviceFunction<void(int)>::cuda("tell", "__device__ void tell(int x) {}",
                                                  {.host =
                                                       [](int x) {
                                                         ++calls;
                                                         total += x;
                                                       },
                                                   .pure = false});

void effects(const Config &c, ptr<int> out) {
  auto i = arange(0, c.block);
  auto few = note(i);            // in a layout that may give every thread a copy
  store(out + i, few + note(i)); // equal calls are two calls
  tell(num_programs(0));         // a scalar, without a result
  auto many = note(col(i) * 16 + row(arange(0, 16)));
  store(out + c.block + col(i) * 16 + row(arange(0, 16)), many);
  auto whole = note(kiln::sum(i, 0));
  store(out + 17 * c.block, whole);
}
const Kernel effects_kernel{"effects", effects};

TEST_P(OnDevice, EffectsHappenOnceForEachElement) {
  for (const Config c : {Config{.block = 8, .num_warps = 4}, Config{.block = 64, .num_warps = 1}}) {
    const int n = c.block, sum = n * (n - 1) / 2;
    std::vector<int> out(17 * n + 1);
    const DeviceBuffer dout = upload(out);
    calls = total = 0;
    effects_kernel.launch({.grid = 1, .device = device}, c, dout.as<int>());
    dout.copy_to_host(out.data(), dout.bytes());
    for (int i = 0; i < n; ++i)
      ASSERT_EQ(out[i], 2 * i + 2);
    for (int i = 0; i < 16 * n; ++i)
      ASSERT_EQ(out[n + i], i + 1);
    EXPECT_EQ(out[17 * n], sum + 1);
    if (device.kind() == Device::Kind::cuda)
      continue;                                                       // there the effects of these functions are none
    const int runs = device.kind() == Device::Kind::emulated ? 2 : 1; // it compares two
    EXPECT_EQ(calls, runs * (2 * n + 1 + 16 * n + 1));
    EXPECT_EQ(total, runs * (2 * sum + 1 + 16 * n * (16 * n - 1) / 2 + sum));
  }
}

const auto picky =
    DeviceFunction<float(float)>::cuda("picky", "__device__ float picky(float x) { return x; }",
                                       {.host =
                                            [](float x) {
                                              if (x < 0)
                                                throw std::out_of_range("picky: " + std::to_string(int(x)));
                                              return x;
                                            },
                                        .pure = false});

void pick(const Config &c, ptr<const float> x, ptr<float> out) {
  auto i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, picky(load(x + i)));
}
const Kernel pick_kernel{"pick", pick};

TEST_P(OnDevice, WhatAHostFunctionThrowsReachesTheCaller) {
  if (device.kind() == Device::Kind::cuda)
    return; // there nothing is called on the host
  const Config c{.block = 16, .num_warps = 1};
  for (const int programs : {1, 200}) {
    std::vector<float> x(programs * c.block, 2), out(x.size());
    const DeviceBuffer good = upload(x);
    x[x.size() / 2] = -7;
    const DeviceBuffer bad = upload(x), dout = upload(out);
    auto launch = [&](const DeviceBuffer &in) {
      pick_kernel.launch({.grid = unsigned(programs), .device = device}, c, in.as<const float>(), dout.as<float>());
    };
    for (int round = 0; round < 2; ++round) {
      try {
        launch(bad);
        ADD_FAILURE() << "nothing is thrown";
      } catch (const std::out_of_range &error) {
        EXPECT_STREQ(error.what(), "picky: -7");
      }
      launch(good); // and the process goes on
      dout.copy_to_host(out.data(), dout.bytes());
      EXPECT_EQ(out, std::vector<float>(out.size(), 2));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(DeviceFunction, OnDevice,
                         testing::Values("interpreter", "cpu", "emulated:sm_80", "emulated:sm_90a", "cuda"),
                         [](const auto &tested) {
                           std::string name = tested.param;
                           for (char &c : name)
                             if (c == ':')
                               c = '_';
                           return name;
                         });

// ---- code for a GPU

TEST(DeviceFunctionCode, BitcodeIsInlined) {
  const std::string ptx = square_kernel.emit({}, Target::parse("sm_90a"), "ptx");
  EXPECT_FALSE(contains(ptx, "call")) << ptx;
  EXPECT_FALSE(contains(ptx, ".func")) << ptx;
}

TEST(DeviceFunctionCode, CudaBecomesACubinThatIsKept) {
  if (runtime::nvrtc_identity().empty() || runtime::assembler_identity().empty())
    GTEST_SKIP() << "no NVRTC or no assembler";
  for (const char *arch : {"sm_80", "sm_90a"}) {
    const CompiledCode code = compute_kernel.compile({}, Target::parse(arch));
    EXPECT_FALSE(code.cubin.empty());
    EXPECT_FALSE(code.report.from_disk);
    EXPECT_FALSE(contains(code.ptx, ".extern .func")) << code.ptx;
  }
  EXPECT_TRUE(compute_kernel.compile({}, Target::parse("sm_90a")).report.from_disk);
}

// The same names in several sources, and helpers that no call was inlined into.
const auto first = DeviceFunction<float(float)>::cuda("f", R"(
__device__ float table[2] = {1, 2};
__device__ __noinline__ float helper(float x) { return x + table[int(x) & 1]; }
__device__ float f(float x) { return helper(x); })");
const auto second = DeviceFunction<float(float)>::cuda("f", R"(
__device__ float table[2] = {3, 4};
__device__ __noinline__ float helper(float x) { return x * table[int(x) & 1]; }
__device__ float f(float x) { if (x == 77) printf("%f", x); return helper(x) + sinf(x); })");
void both(const Config &c, ptr<float> out) {
  auto i = arange(0, c.block);
  store(out + i, first(load(out + i)) + second(load(out + i)));
}
const Kernel both_kernel{"both", both};

TEST(DeviceFunctionCode, SourcesMayDefineTheSameNames) {
  if (runtime::nvrtc_identity().empty() || runtime::assembler_identity().empty())
    GTEST_SKIP() << "no NVRTC or no assembler";
  const std::string ir = both_kernel.trace({});
  EXPECT_TRUE(contains(ir, "func.func private @f(f32) -> f32 attributes {tile.digest = ")) << ir;
  EXPECT_TRUE(contains(ir, "func.func private @f_1(f32) -> f32 attributes {tile.digest = ")) << ir;
  EXPECT_FALSE(both_kernel.compile({}, Target::parse("sm_90a")).cubin.empty());
}

/// Whether the code of a kernel that calls this function is found on disk the second time.
bool is_kept(const char *source, std::vector<std::pair<std::string, std::string>> headers = {},
             std::vector<std::string> options = {}) {
  static const DeviceFunction<float(float)> *used;
  const auto function =
      DeviceFunction<float(float)>::cuda("f", std::string(source) + "\nfloat f(float x) { return x; }",
                                         {.options = std::move(options), .headers = std::move(headers)});
  used = &function;
  const auto body = +[](const Config &, ptr<float> p) { store(p, (*used)(load(p))); };
  Kernel("kept", body).compile({}, Target::parse("sm_80"));
  return Kernel("kept", body).compile({}, Target::parse("sm_80")).report.from_disk;
}

TEST(DeviceFunctionCode, WhatMayDependOnFilesIsNotKept) {
  if (runtime::nvrtc_identity().empty() || runtime::assembler_identity().empty())
    GTEST_SKIP() << "no NVRTC or no assembler";
  EXPECT_TRUE(is_kept("// what does not include \"a.h\""));
  EXPECT_TRUE(is_kept("#include <cuda_fp16.h>"));
  EXPECT_TRUE(is_kept("#include \"a.h\"", {{"a.h", "#define A 1"}}));
  EXPECT_TRUE(is_kept(" # /* of ours */ include <sub/a.h>", {{"sub/a.h", "#include \"b.h\""}, {"b.h", ""}}));

  const TemporaryDirectory directory;
  const std::string file = (directory / "helper.h").string();
  std::ofstream(file) << "#define HELPER 1\n";
  EXPECT_FALSE(is_kept(("#include \"" + file + "\"").c_str()));
  EXPECT_FALSE(is_kept(("#include <" + file + ">").c_str()));
  EXPECT_FALSE(is_kept(("#/**/inc\\\nlude /* again */\"" + file + "\"").c_str()));
  EXPECT_FALSE(is_kept(("%:include \"" + file + "\"").c_str()));
  EXPECT_FALSE(is_kept(("#define FILE \"" + file + "\"\n#include FILE").c_str()));
  EXPECT_FALSE(is_kept("#include \"a.h\"", {{"a.h", "#include \"" + file + "\""}}));
  // Beside the file that calls `cuda`.
  EXPECT_FALSE(is_kept("#if __has_include(\"doubled.h\")\n#endif"));
  EXPECT_FALSE(is_kept("#include <helper.h>", {}, {"-I" + directory.path()}));
}

template <class F>
std::string digest_in(F &&function) {
  static const F *used;
  used = &function;
  const Kernel kernel{"k", +[](const Config &, ptr<float> p) { store(p, (*used)(load(p))); }};
  const std::string ir = kernel.trace({});
  const std::size_t at = ir.find("tile.digest = \"");
  return at == ir.npos ? "" : ir.substr(at + 15, 64);
}

TEST(DeviceFunctionCode, AllThatItDependsOnIsInTheDigest) {
  using F = DeviceFunction<float(float)>;
  const std::string digest = digest_in(F::cuda("f", "float f(float x) { return x; }"));
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_EQ(digest, digest_in(F::cuda("f", "float f(float x) { return x; }", {.host = [](float x) { return x; }})));
  EXPECT_NE(digest, digest_in(F::cuda("f", "float f(float x) { return 1; }")));
  EXPECT_NE(digest, digest_in(F::cuda("f", "float f(float x) { return x; }", {.options = {"--use_fast_math"}})));
  EXPECT_NE(digest, digest_in(F::cuda("f", "float f(float x) { return x; }", {.headers = {{"a.h", ""}}})));
  EXPECT_NE(digest, digest_in(F::bitcode("f", "float f(float x) { return x; }")));
  EXPECT_NE(digest_in(F::cuda("f", "float f(float x) { return x; }", {.options = {"a", "b"}})),
            digest_in(F::cuda("f", "float f(float x) { return x; }", {.headers = {{"a", "b"}}})));
}

TEST(DeviceFunctionCode, WhereItWasMadeIsInTheDigestWhereTheCodeMayContainIt) {
  using F = DeviceFunction<float(float)>;
  auto depends = [](const std::string &source, const F::Options &options = {}) {
    const std::string here = digest_in(F::cuda("f", source, options));
    const std::string there = digest_in(F::cuda("f", source, options));
    return here != there;
  };
  EXPECT_FALSE(depends("float f(float x) { return x; }"));
  EXPECT_TRUE(depends("float f(float x) { return __LINE__; }"));
  EXPECT_TRUE(depends("float f(float x) { return __FILE__[0]; }"));
  EXPECT_TRUE(depends("float f(float x) { return __builtin_LINE(); }"));
  EXPECT_TRUE(depends("float f(float x) { assert(x > 0); return x; }"));
  EXPECT_TRUE(depends("float f(float x) { return HERE; }", {.options = {"-DHERE=__LINE__"}}));
  EXPECT_TRUE(depends("float f(float x) { return x; }", {.options = {"-lineinfo"}}));
  EXPECT_TRUE(depends("float f(float x) { return HERE; }", {.headers = {{"a.h", "#define HERE __LINE__"}}}));
}

// ---- mistakes

const auto half_only =
    DeviceFunction<half(half)>::cuda("half_only", "__device__ __half half_only(__half x) { return x; }");

/// What the first compile or launch of a kernel says.
template <class E, class F>
std::string error_of(void (*body)(const Config &, ptr<float>), F &&use) {
  const Kernel kernel{"faulty", body};
  return message_of<E>([&] { use(kernel); });
}
const auto trace = [](const auto &kernel) { kernel.trace({}); };
const auto for_gpu = [](const auto &kernel) { kernel.emit({}, Target::parse("sm_90a"), "ptx"); };

TEST(DeviceFunctionErrors, OfACall) {
  std::string message =
      error_of<TraceError>([](const Config &, ptr<float> p) { store(p, half_only(load(p)).to(f32)); }, trace);
  EXPECT_TRUE(contains(message, "error: 'half_only': argument 1 is f32, but the function takes f16; convert it with "
                                ".to(kiln::f16)"))
      << message;
  EXPECT_TRUE(contains(message, "device_function_test.cpp:")) << message;
  message = error_of<TraceError>([](const Config &, ptr<float> p) { store(p, scaled(p, 1)); }, trace);
  EXPECT_TRUE(contains(message, "'scaled': argument 1 is ptr<f32>, but the function takes f32")) << message;
  message = error_of<TraceError>(
      [](const Config &, ptr<float> p) { scaled(arange(0, 4).to(f32), arange(0, 8).to(f32)); }, trace);
  EXPECT_TRUE(contains(message, "'scaled': shapes of tile<4xf32> and tile<8xf32> do not match")) << message;
  message = error_of<TraceError>(
      [](const Config &, ptr<float> p) { store(p, note(1 << 20).to(f32) + note(1e3).to(f32)); }, trace);
  EXPECT_TRUE(contains(message, "'note': the floating-point number 1000 meets a tile of i32")) << message;
  message = error_of<TraceError>(
      [](const Config &, ptr<float> p) {
        store(p, reduce(arange(0, 4).to(f32), 0, [](const Tile &a, const Tile &b) { return scaled(a, b); }));
      },
      trace);
  EXPECT_TRUE(contains(message, "the combiner of a reduction or scan may not call a device function, here 'scaled'"))
      << message;
  EXPECT_TRUE(contains(message_of<TraceError>([] { scaled(1, 2); }), "error: ")) << "outside of a kernel";
  message = message_of<InvalidArgument>([] { DeviceFunction<float(float)>::cuda("a b", ""); });
  EXPECT_TRUE(contains(message, "a device function needs the name of a function, got 'a b'")) << message;
}

TEST(DeviceFunctionErrors, WithoutAHostImplementation) {
  for (const char *name : {"cpu", "interpreter", "emulated:sm_90a"}) {
    const std::string message =
        error_of<CompileError>([](const Config &, ptr<float> p) { store(p, half_only(load(p).to(f16)).to(f32)); },
                               [&](const auto &kernel) { kernel.compile({}, Device::parse(name)); });
    EXPECT_TRUE(contains(message, "error: device function 'half_only' has no host implementation, which ")) << message;
    EXPECT_TRUE(contains(message, "give one in its options, .host = ")) << message;
    EXPECT_TRUE(contains(message, "device_function_test.cpp:")) << message;
    EXPECT_TRUE(contains(message, "'faulty'")) << message;
  }
}

constexpr int faulty_line = __LINE__ + 1;
const auto faulty = DeviceFunction<float(float)>::cuda("faulty", R"(
__device__ float faulty(float x) {
  return x + undefined_name;
})");
const auto missing = DeviceFunction<float(float)>::cuda("missing", "__device__ float other(float x) { return x; }");
constexpr int missing_line = __LINE__ - 1;

TEST(DeviceFunctionErrors, OfNvrtcNameTheLine) {
  if (runtime::nvrtc_identity().empty())
    GTEST_SKIP() << "no NVRTC";
  std::string message =
      error_of<CompileError>([](const Config &, ptr<float> p) { store(p, faulty(load(p))); }, for_gpu);
  const std::string file = std::string(__FILE__) + ":";
  EXPECT_TRUE(
      contains(message, file + std::to_string(faulty_line + 2) + ": error: identifier \"undefined_name\" is undefined"))
      << message;
  EXPECT_TRUE(contains(message, "note: in device function 'faulty', made at " + file + std::to_string(faulty_line)))
      << message;
  EXPECT_TRUE(contains(message, "note: while compiling 'faulty' with")) << message;
  message = error_of<CompileError>([](const Config &, ptr<float> p) { store(p, missing(load(p))); }, for_gpu);
  EXPECT_TRUE(contains(message, file + std::to_string(missing_line) + ": error: identifier \"missing\" is undefined"))
      << message;
}

TEST(DeviceFunctionErrors, WithoutNvrtc) {
  Environment environment{{"KILN_NVRTC", "/nowhere/libnvrtc.so"}};
  const std::string message =
      error_of<CompileError>([](const Config &, ptr<float> p) { store(p, scaled(load(p), 1)); }, for_gpu);
  EXPECT_TRUE(contains(message, "CUDA C++ needs NVRTC, which was not found: KILN_NVRTC names no file "
                                "(/nowhere/libnvrtc.so)"))
      << message;
}

template <class Signature>
std::string bitcode_error(const char *name, const std::string &ir) {
  static const DeviceFunction<Signature> *used;
  const auto function = DeviceFunction<Signature>::bitcode(name, ir);
  used = &function;
  return error_of<CompileError>([](const Config &, ptr<float> p) { store(p, (*used)(load(p))); }, for_gpu);
}

TEST(DeviceFunctionErrors, OfBitcode) {
  EXPECT_TRUE(
      contains(bitcode_error<float(float)>("f", "no IR"), "the bitcode of device function 'f' cannot be read: "));
  EXPECT_TRUE(contains(bitcode_error<float(float)>("f", ""),
                       "the bitcode of device function 'f' is empty, and defines no function 'f'\nnote: made at "));
  EXPECT_TRUE(contains(bitcode_error<float(float)>("f", "define float @g(float %x) { ret float %x }"),
                       "defines no function 'f'; one that is not extern \"C\" has another name there"));
  const std::string type = bitcode_error<float(float)>("f", "define double @f(float %x) { ret double 0.0 }");
  EXPECT_TRUE(contains(type, "has it as 'double (float)', but its signature needs 'float (float)'")) << type;
  EXPECT_TRUE(contains(bitcode_error<float(float)>("f", "target triple = \"x86_64-pc-linux-gnu\"\n"
                                                        "define float @f(float %x) { ret float %x }"),
                       "is for 'x86_64-pc-linux-gnu': a GPU takes code for nvptx64-nvidia-cuda"));
  EXPECT_TRUE(
      contains(bitcode_error<float(float)>("f", "declare float @h(float)\ndefine float @f(float %x) { %y = call "
                                                "float @h(float %x) ret float %y }"),
               "calls 'h', which it does not define"));
}

} // namespace
