// bar, fence, mbarrier.
#include "semantics.h"

using namespace kiln::runtime::emulator;

void kiln::runtime::emulator::add_barriers(SemanticsList &list) { (void)list; }
