#include "subject.h"

#include "Target/NVPTX/LowerKernel.h"
#include "jit/emulated_code.h"
#include "jit/facts.h"

#include "kiln/Target/Emulator/EmulatorTarget.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Parser/Parser.h"

#include <stdexcept>

using namespace kiln;
using namespace kiln::test;

static constexpr const char *arch = "sm_90a";

std::string Report::first() const {
  std::string result;
  std::size_t begin = 0;
  for (int line = 0; line < 2 && begin < text.size(); ++line) {
    const std::size_t end = text.find('\n', begin);
    std::string part = text.substr(begin, end - begin);
    begin = end == text.npos ? text.size() : end + 1;
    const bool is_note_with_place = part.find(": note: ") != part.npos;
    if (line == 1 && !is_note_with_place)
      break;
    if (const std::size_t slash = part.rfind('/', part.find(": ")); slash != part.npos)
      part.erase(0, slash + 1);
    result += (line ? " | " : "") + part;
  }
  return result;
}

void test::note(const std::string &mutation, const Report &report) {
  testing::Test::RecordProperty(mutation, report.first());
}

std::string test::line_of(mlir::Operation *op) {
  auto place = op->getLoc()->findInstanceOf<mlir::FileLineColLoc>();
  return place ? place.getFilename().str() + ":" + std::to_string(place.getLine()) : "";
}

std::string test::line_of(const char *file, int line) { return std::string(file) + ":" + std::to_string(line); }

MachineOps test::machine_ops(mlir::ModuleOp module, llvm::StringRef prefix) {
  MachineOps found;
  module.walk([&](tile_gpu::MachineOp op) {
    if (op.getName().starts_with(prefix))
      found.push_back(op);
  });
  return found;
}

/// Copies what computes `value`, up to what is in `known`, accesses memory or is carried by a loop.
static mlir::Value copy_slice(mlir::OpBuilder &builder, mlir::Value value, mlir::IRMapping &known) {
  mlir::Operation *op = value.getDefiningOp();
  if (known.contains(value) || !op || !mlir::isPure(op) || op->getNumRegions() > 0)
    return known.lookupOrDefault(value);
  for (mlir::Value operand : op->getOperands())
    copy_slice(builder, operand, known);
  builder.clone(*op, known);
  return known.lookup(value);
}

void test::compute_for_thread(tile_gpu::MachineOp op, unsigned index, std::uint32_t and_mask, std::uint32_t xor_mask) {
  mlir::OpBuilder builder(op);
  const mlir::Location loc = op.getLoc();
  const auto constant = [&](std::uint32_t value) {
    return mlir::arith::ConstantIntOp::create(builder, loc, builder.getI32Type(), std::int32_t(value)).getResult();
  };
  mlir::IRMapping known;
  for (tile_gpu::MachineOp thread : machine_ops(op->getParentOfType<mlir::ModuleOp>(), "tid.x")) {
    const mlir::Value number = thread.getResult(0);
    const mlir::Value masked = mlir::arith::AndIOp::create(builder, loc, number, constant(and_mask));
    known.map(number, mlir::arith::XOrIOp::create(builder, loc, masked, constant(xor_mask)).getResult());
  }
  op->setOperand(index, copy_slice(builder, op->getOperand(index), known));
}

void Subject::add_argument(const void *value, std::size_t bytes) {
  std::memcpy(&arguments_.emplace_back(0), value, bytes);
}

static std::vector<const void *> addresses_of(const std::vector<std::uint64_t> &arguments) {
  std::vector<const void *> addresses;
  for (const std::uint64_t &argument : arguments)
    addresses.push_back(&argument);
  return addresses;
}

void Subject::lower(detail::TracedKernel traced) {
  const gpu::GPUTarget target = llvm::cantFail(gpu::GPUTarget::parse(arch));
  if (!jit::specialise(*traced.module, 16).hold(addresses_of(arguments_).data()))
    throw std::runtime_error(name_ + " is launched with arguments that it does not declare");
  TileToGPUOptions lowering;
  gpu::describe(target, /*asserts=*/false, lowering);
  lowering.checkExchanges = true;
  if (failed(gpu::lowerToThread(*traced.module, lowering, nullptr)))
    throw std::runtime_error(name_ + " could not be lowered");
  context_ = std::move(traced.context);
  code_ = std::move(traced.module);
}

Subject::Subject(const char *file, int line, std::string_view text, std::vector<const void *> addresses)
    : name_("thread code"), grid_{1, 1, 1}, context_(std::make_unique<mlir::MLIRContext>()) {
  for (const void *address : addresses)
    arguments_.push_back(reinterpret_cast<std::uint64_t>(address));
  context_->loadDialect<mlir::arith::ArithDialect, mlir::cf::ControlFlowDialect, mlir::func::FuncDialect,
                        mlir::scf::SCFDialect, tile::TileDialect, tile_gpu::TileGPUDialect>();
  // A line of the text is then the same line of the file.
  const std::string source = std::string(std::size_t(line) - 1, '\n') + std::string(text);
  code_ = mlir::parseSourceString<mlir::ModuleOp>(source, mlir::ParserConfig(context_.get()), file);
  if (!code_)
    throw std::runtime_error("the text is no code");
}

Report Subject::run(Mutation mutation) const {
  mlir::OwningOpRef<mlir::ModuleOp> mutated = code().clone();
  mutation(*mutated);
  emulator::Options options;
  options.execute = runtime::emulator_execute;
  auto kernel = emulator::compile(*mutated, llvm::cantFail(gpu::GPUTarget::parse(arch)), options);
  if (!kernel)
    throw std::runtime_error(llvm::toString(kernel.takeError()));
  Report report;
  try {
    runtime::EmulatedKernel(jit::emulated_code(**kernel, name_, arch, ""))
        .launch(grid_, addresses_of(arguments_).data());
  } catch (const CheckError &error) {
    report.text = error.what();
  }
  for (std::span<const std::byte> memory : watched_)
    report.results.insert(report.results.end(), memory.begin(), memory.end());
  return report;
}

LaunchProfile Subject::profile(Mutation mutation) const {
  EmulatorProfiler profiler;
  EXPECT_EQ(run(mutation).text, "");
  return profiler.launches().at(0);
}
