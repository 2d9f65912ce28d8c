//===- TestPasses.h - Passes that exist for tests -----------------------------------------------*- C++ -*-===//

#ifndef KILN_TOOLS_KILN_OPT_TESTPASSES_H
#define KILN_TOOLS_KILN_OPT_TESTPASSES_H

namespace kiln {

/// Registers the passes that show what analyses find.
void registerTestPasses();

/// Registers the pass that makes kernels of the rows of the table of machine operations.
void registerTestMachineOps();

} // namespace kiln

#endif // KILN_TOOLS_KILN_OPT_TESTPASSES_H
