#include "kiln/version.h"

const char *kiln::version() { return KILN_VERSION; }
