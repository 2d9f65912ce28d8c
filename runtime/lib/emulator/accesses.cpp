// ld, st, prefetch.
#include "semantics.h"

using namespace kiln::runtime::emulator;

void kiln::runtime::emulator::add_accesses(SemanticsList &list) { (void)list; }
