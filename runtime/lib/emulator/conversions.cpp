// cvt, pack, unpack, prmt, ex2.
#include "semantics.h"

using namespace kiln::runtime::emulator;

void kiln::runtime::emulator::add_conversions(SemanticsList &list) { (void)list; }
