// error: the variable is not in the table of environment variables
#include "kiln/runtime/environment.h"

#ifdef CORRECT
std::string level() { return kiln::runtime::environment("KILN_LOG"); }
#else
std::string level() { return kiln::runtime::environment("KILN_LOUDNESS"); }
#endif
