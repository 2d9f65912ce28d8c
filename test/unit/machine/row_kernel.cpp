#include "row_kernel.h"

#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Target/Emulator/EmulatorTarget.h"
#include "kiln/Target/NVPTX/EmitPTX.h"
#include "kiln/cuda.h"
#include "kiln/device_memory.h"
#include "kiln/error.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cuda_kernel.h"
#include "kiln/runtime/emulator.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

constexpr unsigned sharedWords = 4; // of a lane

std::string nameOf(MachineType type) {
  switch (type) {
  case MachineType::I1:
    return "i1";
  case MachineType::I8:
    return "i8";
  case MachineType::I16:
    return "i16";
  case MachineType::I32:
    return "i32";
  case MachineType::I64:
    return "i64";
  case MachineType::F16:
    return "f16";
  case MachineType::BF16:
    return "bf16";
  case MachineType::F32:
    return "f32";
  case MachineType::F64:
    return "f64";
  }
  return "";
}

/// The integer of a type's width.
std::string bitsOf(MachineType type) {
  std::string name = nameOf(type);
  return "i" + name.substr(name.find_first_of("0123456789"));
}

/// The text of a kernel, written from its beginning.
class KernelText {
public:
  std::string fresh() { return "%v" + std::to_string(next++); }
  void line(const std::string &text) { lines += "  " + text + "\n"; }
  std::string value(const std::string &text) {
    std::string name = fresh();
    line(name + " = " + text);
    return name;
  }
  std::string machine(const std::string &row, const std::string &operands, const std::string &type) {
    return value("tile_gpu.machine \"" + row + "\"(" + operands + ") : " + type);
  }
  std::string plus(const std::string &base, uint64_t bytes, const std::string &type = "i64") {
    std::string offset = value("arith.constant " + std::to_string(bytes) + " : " + type);
    return value("arith.addi " + base + ", " + offset + " : " + type);
  }
  /// Where the words of this thread begin in a buffer.
  std::string partOf(const std::string &buffer, const std::string &thread, uint64_t words) {
    std::string bytes = value("arith.constant " + std::to_string(8 * words) + " : i64");
    std::string offset = value("arith.muli " + thread + ", " + bytes + " : i64");
    return value("arith.addi " + buffer + ", " + offset + " : i64");
  }
  std::string load(const std::string &base, uint64_t word) {
    return machine("ld.global.b64", plus(base, 8 * word), "(i64) -> i64");
  }
  void store(const std::string &base, uint64_t word, const std::string &bits) {
    line("tile_gpu.machine \"st.global.b64\"(" + plus(base, 8 * word) + ", " + bits + ") : (i64, i64) -> ()");
  }
  std::string fromWord(const std::string &word, MachineType type) {
    std::string bits = type == MachineType::I64 || type == MachineType::F64
                           ? word
                           : value("arith.trunci " + word + " : i64 to " + bitsOf(type));
    return nameOf(type) == bitsOf(type) ? bits
                                        : value("arith.bitcast " + bits + " : " + bitsOf(type) + " to " + nameOf(type));
  }
  std::string toWord(const std::string &operand, MachineType type) {
    std::string bits = nameOf(type) == bitsOf(type)
                           ? operand
                           : value("arith.bitcast " + operand + " : " + nameOf(type) + " to " + bitsOf(type));
    return bitsOf(type) == "i64" ? bits : value("arith.extui " + bits + " : " + bitsOf(type) + " to i64");
  }

  std::string lines;

private:
  unsigned next = 0;
};

std::string join(const std::vector<std::string> &parts) {
  std::string text;
  for (const std::string &part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string makeText(const MachineRow &row, bool usesShared, size_t inputWords, size_t outputWords) {
  KernelText k;
  std::string lane = k.machine("tid.x", "", "() -> i32"), program = k.machine("ctaid.x", "", "() -> i32");
  std::string warp = k.value("arith.constant 32 : i32");
  std::string first = k.value("arith.muli " + program + ", " + warp + " : i32");
  std::string thread = k.value("arith.addi " + first + ", " + lane + " : i32");
  thread = k.value("arith.extui " + thread + " : i32 to i64");
  std::string input = k.partOf("%in", thread, inputWords), output = k.partOf("%out", thread, outputWords);
  std::string isOn = k.value("arith.trunci " + k.load(input, 0) + " : i64 to i1");
  std::vector<std::string> operands, operandTypes, resultTypes;
  for (auto [i, type] : llvm::enumerate(row.operands)) {
    operands.push_back(k.fromWord(k.load(input, 1 + i), type));
    operandTypes.push_back(nameOf(type));
  }
  for (MachineType type : row.results)
    resultTypes.push_back(nameOf(type));

  std::string shared;
  if (usesShared) {
    std::string base = k.machine("shared.base", "", "() -> i32");
    operands[0] = k.value("arith.addi " + operands[0] + ", " + base + " : i32");
    std::string bytes = k.value("arith.constant " + std::to_string(8 * sharedWords) + " : i32");
    std::string offset = k.value("arith.muli " + lane + ", " + bytes + " : i32");
    shared = k.value("arith.addi " + base + ", " + offset + " : i32");
    for (unsigned i = 0; i < sharedWords; ++i)
      k.line("tile_gpu.machine \"st.shared.b64\"(" + k.plus(shared, 8 * i, "i32") + ", " +
             k.load(input, 1 + row.operands.size() + i) + ") : (i32, i64) -> ()");
    k.line("tile_gpu.machine \"bar.sync\"() : () -> ()");
  }
  k.line("cf.cond_br " + isOn + ", ^on, ^off");
  k.lines += "^on:\n";
  std::string call = "tile_gpu.machine \"" + row.name + "\"(" + join(operands) + ") : (" + join(operandTypes) +
                     ") -> (" + join(resultTypes) + ")";
  size_t results = row.results.size();
  if (results == 0)
    k.line(call);
  else
    k.line("%r:" + std::to_string(results) + " = " + call);
  for (auto [i, type] : llvm::enumerate(row.results))
    k.store(output, i, k.toWord("%r#" + std::to_string(i), type));
  k.line("cf.br ^off");
  k.lines += "^off:\n";
  if (usesShared) {
    k.line("tile_gpu.machine \"bar.sync\"() : () -> ()");
    for (unsigned i = 0; i < sharedWords; ++i)
      k.store(output, results + i, k.machine("ld.shared.b64", k.plus(shared, 8 * i, "i32"), "(i32) -> i64"));
  }
  return "func.func @k(%in: i64, %out: i64) attributes {tile.kernel, tile.num_warps = 1 : i32, "
         "tile_gpu.shared_bytes = " +
         std::to_string(usesShared ? 32 * 8 * sharedWords : 0) + " : i64} {\n" + k.lines + "  return\n}\n";
}

/// The module of a text, in a context of its own.
class Parsed {
public:
  explicit Parsed(const std::string &text) {
    context
        .loadDialect<TileGPUDialect, arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, scf::SCFDialect>();
    module = parseSourceString<ModuleOp>(text, ParserConfig(&context), "kernel.mlir");
    if (!module)
      throw CompileError("the kernel is not well-formed:\n" + text);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

template <class T>
T orThrow(llvm::Expected<T> value) {
  if (!value)
    throw CompileError(llvm::toString(value.takeError()));
  return std::move(*value);
}

/// The kernel of a text as machine code.
runtime::KernelImage assemble(const std::string &text, std::size_t sharedBytes, const gpu::GPUTarget &target) {
  Parsed parsed(text);
  PassManager passes(&parsed.context);
  TileGPUToLLVMOptions options;
  options.capability = target.capability;
  passes.addPass(createTileGPUToLLVM(options));
  if (failed(passes.run(*parsed.module)))
    throw CompileError("the kernel cannot be lowered:\n" + text);
  runtime::KernelImage image;
  image.name = "k";
  image.arch = target.name.str();
  image.num_warps = 1;
  image.threads = 32;
  image.shared_bytes = static_cast<std::uint32_t>(sharedBytes);
  image.parameters.assign(2, {runtime::ParameterKind::pointer, 8});
  image.cubin = runtime::assemble(orThrow(gpu::emitPTX(*parsed.module, target)), image.arch).cubin;
  return image;
}

} // namespace

void kiln::test::runOnEmulator(const std::string &text, std::size_t sharedBytes, unsigned programs,
                               const std::vector<std::uint64_t> &input, std::vector<std::uint64_t> &output) {
  Parsed parsed(text);
  emulator::Options options;
  options.execute = runtime::emulator_execute;
  auto compiled = orThrow(emulator::compile(*parsed.module, orThrow(gpu::GPUTarget::parse("sm_90a")), options));
  runtime::EmulatedKernel::Code code;
  code.name = "k";
  code.arch = "sm_90a";
  code.note = "note: while running 'k' with {}";
  code.entry = compiled->entry();
  code.num_warps = 1;
  code.shared_bytes = sharedBytes;
  for (const emulator::Site &site : compiled->sites)
    code.sites.push_back({site.operation, site.place, site.text, site.types});
  code.blocks.resize(compiled->blocks.size());
  const void *in = input.data(), *out = output.data(), *args[] = {&in, &out};
  runtime::EmulatedKernel(std::move(code)).launch({programs, 1, 1}, args);
}

void kiln::test::runOnGPU(const std::string &text, std::size_t sharedBytes, unsigned programs,
                          const std::vector<std::uint64_t> &input, std::vector<std::uint64_t> &output) {
  const Device device = Device::cuda(0);
  const cuda::DeviceProperties &properties = cuda::properties(device);
  const runtime::KernelImage image = assemble(
      text, sharedBytes,
      orThrow(gpu::GPUTarget::forDevice(unsigned(properties.compute_major), unsigned(properties.compute_minor))));
  const runtime::CudaKernel kernel(image, device);
  DeviceBuffer in(device, 8 * input.size()), out(device, 8 * output.size());
  in.copy_from_host(input.data(), in.bytes());
  out.copy_from_host(output.data(), out.bytes());
  const void *inAddress = in.data(), *outAddress = out.data(), *args[] = {&inAddress, &outAddress};
  kernel.launch({programs, 1, 1}, nullptr, args);
  synchronize(device);
  out.copy_to_host(output.data(), out.bytes());
}

std::string kiln::test::gpuUnavailable(unsigned capability) {
  if (cuda::device_count() == 0)
    return cuda::unavailable_reason();
  const cuda::DeviceProperties &properties = cuda::properties(Device::cuda(0));
  if (unsigned(10 * properties.compute_major + properties.compute_minor) < capability)
    return "cuda:0 is " + properties.arch + ", which lacks the operation";
  return "";
}

kiln::test::RowKernel::RowKernel(const MachineRow &row)
    : row(row), usesShared(row.space == MachineSpace::Shared),
      inputWords(1 + row.operands.size() + (usesShared ? sharedWords : 0)),
      outputWords(row.results.size() + (usesShared ? sharedWords : 0)),
      text(makeText(row, usesShared, inputWords, outputWords)) {}

std::vector<std::uint64_t> kiln::test::RowKernel::pack(const std::vector<WarpInput> &inputs) const {
  std::vector<std::uint64_t> words;
  words.reserve(inputs.size() * 32 * inputWords);
  for (const WarpInput &input : inputs)
    for (unsigned lane = 0; lane < 32; ++lane) {
      words.push_back(input.lanes >> lane & 1);
      words.insert(words.end(), input.operands[lane].begin(), input.operands[lane].end());
      if (usesShared)
        words.insert(words.end(), &input.shared[sharedWords * lane], &input.shared[sharedWords * lane] + sharedWords);
    }
  if (words.size() != inputs.size() * 32 * inputWords)
    throw InvalidArgument("'" + row.name + "' has " + std::to_string(row.operands.size()) + " operands");
  return words;
}

std::vector<kiln::test::WarpOutput> kiln::test::RowKernel::unpack(const std::vector<std::uint64_t> &words) const {
  std::vector<WarpOutput> outputs(words.size() / 32 / outputWords);
  auto word = words.begin();
  for (WarpOutput &output : outputs)
    for (std::vector<std::uint64_t> &lane : output) {
      lane.assign(word, word + std::ptrdiff_t(outputWords));
      word += std::ptrdiff_t(outputWords);
    }
  return outputs;
}

std::vector<kiln::test::WarpOutput> kiln::test::RowKernel::runOnEmulator(const std::vector<WarpInput> &inputs) const {
  std::vector<std::uint64_t> output(inputs.size() * 32 * outputWords);
  test::runOnEmulator(text, usesShared ? 32 * 8 * sharedWords : 0, unsigned(inputs.size()), pack(inputs), output);
  return unpack(output);
}

std::vector<kiln::test::WarpOutput> kiln::test::RowKernel::runOnGPU(const std::vector<WarpInput> &inputs) const {
  std::vector<std::uint64_t> output(inputs.size() * 32 * outputWords);
  test::runOnGPU(text, usesShared ? 32 * 8 * sharedWords : 0, unsigned(inputs.size()), pack(inputs), output);
  return unpack(output);
}
