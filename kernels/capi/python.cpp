// What the Python package needs that Python cannot do. It is the package's alone, and not in the C API's header.
#include "kiln/dlpack_abi.h"
#include "kiln/export.h"

namespace {

int (*is_valid)(void *capsule, const char *name) = nullptr;
void *(*get_pointer)(void *capsule, const char *name) = nullptr;

/// Calls the deleter of what the capsule holds under a name that says nobody has taken it.
template <class Managed>
void release(void *capsule, const char *name) {
  if (!is_valid(capsule, name))
    return;
  auto *managed = static_cast<Managed *>(get_pointer(capsule, name));
  managed->deleter(managed);
}

} // namespace

extern "C" {

/// Gives the library PyCapsule_IsValid and PyCapsule_GetPointer, which it is not linked with.
KILN_API void kiln_python_set_capsule_functions(int (*valid)(void *, const char *),
                                                void *(*pointer)(void *, const char *)) {
  is_valid = valid;
  get_pointer = pointer;
}

/// The destructor of a capsule of DLPack. It may run while an exception is on its way, when no code of Python's can,
/// and when the interpreter ends.
KILN_API void kiln_python_destroy_capsule(void *capsule) {
  release<DLManagedTensor>(capsule, "dltensor");
  release<DLManagedTensorVersioned>(capsule, "dltensor_versioned");
}
}
