// atom, red.
#include "semantics.h"

using namespace kiln::runtime::emulator;

void kiln::runtime::emulator::add_atomics(SemanticsList &list) { (void)list; }
