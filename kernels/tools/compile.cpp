// kiln-compile: prints what the kernels of the library are compiled to.
#include "kiln/compile_tool.h"
#include "kiln/kernels/registry.h"

#include "tools/program.h"

int main(int argc, char **argv) {
  return kiln::tools::finish("kiln-compile", kiln::compile_tool(argc, argv, kiln::kernels::all_kernels()));
}
