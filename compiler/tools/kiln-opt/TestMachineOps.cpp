//===- TestMachineOps.cpp - Kernels that use every machine operation -------------------------------------===//

#include "TestPasses.h"

#include "kiln/Dialect/TileGPU/IR/MachineOps.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

constexpr MachineType kTypes[] = {MachineType::I64,  MachineType::I32, MachineType::I1,
                                  MachineType::I8,   MachineType::I16, MachineType::F16,
                                  MachineType::BF16, MachineType::F32, MachineType::F64};

/// A kernel with a parameter of each machine type; a row takes its operands from them, and what it yields is stored.
class KernelEmitter {
public:
  KernelEmitter(ModuleOp module, unsigned number) : builder(module.getLoc(), OpBuilder::atBlockEnd(module.getBody())) {
    SmallVector<Type> types;
    for (MachineType type : kTypes)
      types.push_back(tile_gpu::getType(type, builder.getContext()));
    kernel = func::FuncOp::create(builder, "rows_" + std::to_string(number), builder.getFunctionType(types, {}));
    kernel->setAttr(tile::kKernelAttr, builder.getUnitAttr());
    builder.setInsertionPointToEnd(kernel.addEntryBlock());
  }

  void add(const MachineRow &row) {
    SmallVector<Value> operands;
    SmallVector<NamedAttribute> attributes;
    for (MachineType type : row.operands)
      operands.push_back(argument(type));
    // ptxas 13.0 crashes on sm_80 where the state of an mbarrier is a kernel's parameter itself.
    if (StringRef(row.name).starts_with("mbarrier.") && operands.back().getType().isInteger(64))
      operands.back() = arith::AddIOp::create(builder, operands.back(), operands.back());
    if (row.form == MachineForm::Print) {
      operands = {argument(MachineType::I32), argument(MachineType::I64), argument(MachineType::F64)};
      attributes.push_back(builder.getNamedAttr("format", builder.getStringAttr("%d %lld %f\n")));
    } else if (row.form == MachineForm::Check) {
      operands = {argument(MachineType::I32), argument(MachineType::I64)};
      attributes.push_back(builder.getNamedAttr("exchange", builder.getStringAttr("0")));
    } else if (row.form == MachineForm::AssertFail) {
      for (StringRef name : {"message", "file", "function"})
        attributes.push_back(builder.getNamedAttr(name, builder.getStringAttr(name)));
      attributes.push_back(builder.getNamedAttr("line", builder.getI32IntegerAttr(1)));
    }
    for (Value result : createMachineOp(builder, builder.getLoc(), row.name, operands, attributes))
      store(result);
  }

  void finish() { func::ReturnOp::create(builder); }

private:
  Value argument(MachineType type) { return kernel.getArgument(llvm::find(kTypes, type) - kTypes); }

  void store(Value value) {
    if (value.getType().isInteger(1))
      value = arith::ExtUIOp::create(builder, builder.getI8Type(), value);
    unsigned width = value.getType().getIntOrFloatBitWidth();
    if (isa<FloatType>(value.getType()))
      value = arith::BitcastOp::create(builder, builder.getIntegerType(width), value);
    // Predicated: of several plain stores to one address LLVM would keep the last.
    createMachineOp(builder, builder.getLoc(), "st.global.b" + std::to_string(width) + ".pred",
                    {argument(MachineType::I64), argument(MachineType::I1), value});
  }

  ImplicitLocOpBuilder builder;
  func::FuncOp kernel;
};

struct TestMachineOps : PassWrapper<TestMachineOps, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestMachineOps)

  TestMachineOps() = default;
  TestMachineOps(const TestMachineOps &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "test-machine-ops"; }
  StringRef getDescription() const final { return "Add kernels that use every machine operation of a target"; }
  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<TileGPUDialect, arith::ArithDialect, func::FuncDialect>();
  }

  void runOnOperation() override {
    constexpr unsigned rowsPerKernel = 40; // the assembler's time grows faster than a kernel
    std::optional<KernelEmitter> kernel;
    unsigned used = 0;
    for (const MachineRow &row : machineRows()) {
      if (row.capability > capability)
        continue;
      if (used % rowsPerKernel == 0) {
        if (kernel)
          kernel->finish();
        kernel.emplace(getOperation(), used / rowsPerKernel);
      }
      kernel->add(row);
      ++used;
    }
    kernel->finish();
  }

  Option<unsigned> capability{*this, "capability", llvm::cl::desc("compute capability, 10 * major + minor"),
                              llvm::cl::init(80)};
};

} // namespace

void kiln::registerTestMachineOps() { PassRegistration<TestMachineOps>(); }
