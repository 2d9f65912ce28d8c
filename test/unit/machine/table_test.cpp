// Every row of the table of machine operations has a meaning in the emulator.
#include "emulator/semantics.h"
#include "kiln/Dialect/TileGPU/IR/MachineOps.h"
#include "kiln/runtime/emulator.h"

#include <gtest/gtest.h>

using namespace kiln;
using namespace kiln::tile_gpu;
using namespace kiln::runtime::emulator;

namespace {

TEST(MachineTable, TheEmulatorKnowsEveryRow) {
  for (const MachineRow &row : machineRows()) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(runtime::emulates(row.name));
    const Semantics *semantics = find_semantics(row.name);
    ASSERT_NE(semantics, nullptr);
    EXPECT_EQ(semantics->name, row.name);
    EXPECT_NE(bool(semantics->compute), bool(semantics->step));
    if (row.form != MachineForm::Print) { // prints take any number
      EXPECT_EQ(semantics->operands, row.operands.size());
    }
    EXPECT_EQ(semantics->results, row.results.size());
  }
  EXPECT_FALSE(runtime::emulates("ld.global.b128"));
}

TEST(MachineTable, LanesThatExchangeWaitForEachOther) {
  for (const MachineRow &row : machineRows()) {
    SCOPED_TRACE(row.name);
    const Semantics *semantics = find_semantics(row.name);
    ASSERT_NE(semantics, nullptr);
    if (row.convergent) {
      EXPECT_NE(semantics->convergence, Convergence::none);
    } else {
      EXPECT_EQ(semantics->convergence, Convergence::none);
    }
    if (semantics->convergence == Convergence::named) {
      ASSERT_LT(semantics->mask_operand, row.operands.size());
      EXPECT_EQ(row.operands[semantics->mask_operand], MachineType::I32);
    }
    // What others do or have done is no business of one thread's registers.
    if (row.convergent || (row.effect != MachineEffect::None && row.effect != MachineEffect::Write)) {
      EXPECT_TRUE(semantics->step);
    }
  }
}

} // namespace
