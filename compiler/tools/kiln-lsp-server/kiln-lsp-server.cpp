//===- kiln-lsp-server.cpp - What editors ask about Kiln's IR --------------------------------------------===//

#include "../Registration.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  kiln::registerVersion();
  mlir::DialectRegistry registry;
  kiln::registerDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
