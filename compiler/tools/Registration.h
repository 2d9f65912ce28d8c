//===- Registration.h - What kiln-opt and kiln-lsp-server know ----------------------------------*- C++ -*-===//

#ifndef KILN_TOOLS_REGISTRATION_H
#define KILN_TOOLS_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace kiln {

/// Registers the dialects that Kiln's pipelines use, and the interfaces that their passes look up in a registry.
void registerDialects(mlir::DialectRegistry &registry);

/// Registers Kiln's passes and the upstream passes that its pipelines are made of.
void registerPasses();

/// Makes --version print Kiln's version and nothing else, as all tools do.
void registerVersion();

} // namespace kiln

#endif // KILN_TOOLS_REGISTRATION_H
