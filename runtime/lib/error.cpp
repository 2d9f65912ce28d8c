#include "kiln/error.h"

using namespace kiln;

// Out of line, so that each class has one type_info, in this library, for every library that throws or catches it.
Error::~Error() = default;
TraceError::~TraceError() = default;
CompileError::~CompileError() = default;
LaunchError::~LaunchError() = default;
InvalidArgument::~InvalidArgument() = default;
PackError::~PackError() = default;
TuneError::~TuneError() = default;
DeviceError::~DeviceError() = default;
OutOfMemory::~OutOfMemory() = default;
TrapError::~TrapError() = default;
CheckError::~CheckError() = default;
ContextLost::~ContextLost() = default;
