//===- kiln-opt.cpp - Runs Kiln's passes on textual IR ---------------------------------------------------===//

#include "../Registration.h"
#ifdef KILN_TEST_PASSES
#include "TestPasses.h"
#endif

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  kiln::registerVersion();
  mlir::DialectRegistry registry;
  kiln::registerDialects(registry);
  kiln::registerPasses();
#ifdef KILN_TEST_PASSES
  kiln::registerTestPasses();
  kiln::registerTestMachineOps();
#endif
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Kiln's optimizer driver\n", registry));
}
