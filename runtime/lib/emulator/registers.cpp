// Special registers.
#include "semantics.h"

using namespace kiln::runtime::emulator;

void kiln::runtime::emulator::add_registers(SemanticsList &list) { (void)list; }
