// ldmatrix, stmatrix.
#include "semantics.h"

using namespace kiln::runtime::emulator;

void kiln::runtime::emulator::add_matrix_accesses(SemanticsList &list) { (void)list; }
