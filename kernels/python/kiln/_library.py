"""libkiln, loaded, with the functions of its C API (kiln/c_api.h) declared."""

import ctypes
import operator
import os
import pathlib

C_API_VERSION = 1
WORKSPACE_TOO_SMALL = 10


class Error(RuntimeError):
    """Whatever Kiln reports. The message says what is wrong, where, and what to do."""


class InvalidArgument(Error, ValueError):
    """An argument out of its range, or a tensor that does not fit."""


class TraceError(Error):
    """A kernel that cannot be traced with its config."""


class CompileError(Error):
    """A kernel that cannot be compiled."""


class LaunchError(Error):
    """A launch that cannot be made."""


class DeviceError(Error):
    """No such device, or one that fails."""


class TrapError(Error):
    """A program that stopped: a failed assert or check."""


class CheckError(Error):
    """What an emulated device found."""


class ContextLost(Error):
    """A fault that destroyed the CUDA context; nothing works in it afterwards."""


class OutOfMemory(DeviceError, MemoryError):
    """A device, or the host, has no memory left."""


_ERRORS = {1: InvalidArgument, 2: TraceError, 3: CompileError, 4: LaunchError, 5: DeviceError, 6: TrapError, 7: CheckError, 8: ContextLost,
           9: OutOfMemory, 10: InvalidArgument}


def find_library():
    """The path of libkiln: KILN_LIBRARY, or else in the tree that this package was installed with."""
    named = os.environ.get("KILN_LIBRARY")
    if named:
        return named
    package = pathlib.Path(__file__).resolve().parent
    for prefix in package.parents[:6]:
        for folder in ("lib", "lib64", "lib/x86_64-linux-gnu"):
            found = sorted((prefix / folder).glob("libkiln.so.[0-9]*"))
            if found:
                return str(found[0])
    raise ImportError(f"kiln: there is no libkiln.so beside the package in {package.parent}; install Kiln, or set KILN_LIBRARY to the "
                      "library's file")


def _load():
    path = find_library()
    try:
        library = ctypes.CDLL(path)
        version = library.kiln_c_api_version
    except (OSError, AttributeError) as error:
        raise ImportError(f"kiln: cannot load {path}: {error}; set KILN_LIBRARY to the file of a libkiln.so with the C API") from error
    if version() != C_API_VERSION:
        raise ImportError(f"kiln: {path} has version {version()} of the C API, and this package is for version {C_API_VERSION}; use the "
                          "package that comes with the library")
    return library


lib = _load()
KERNELS = ("vector_add", "softmax", "rms_norm", "matmul", "kv_cache_store", "paged_attention_decode")

# What each function returns, and its arguments: s text or packed bytes, p a pointer, P where a pointer is put, i int, q int64, u a stream:
# an address as a number, and nothing that ctypes would make an address of.
_TYPES = {"s": ctypes.c_char_p, "p": ctypes.c_void_p, "P": ctypes.c_void_p, "i": ctypes.c_int, "q": ctypes.c_int64, "v": None,
          "z": ctypes.c_size_t, "u": ctypes.c_size_t}
_FUNCTIONS = {
    "kiln_last_error": "s:", "kiln_version": "s:", "kiln_device_find": "i:sP", "kiln_synchronize": "i:pu",
    "kiln_buffer_create": "i:pqP", "kiln_buffer_release": "v:p", "kiln_buffer_data": "p:p",
    "kiln_buffer_to_dlpack": "i:piippP", "kiln_buffer_to_dlpack_unversioned": "i:piippP", "kiln_dlpack_view": "i:piP",
    "kiln_register_buffer": "i:uqs", "kiln_unregister_buffer": "v:u",
    "kiln_config_create": "i:sP", "kiln_config_release": "v:p", "kiln_config_set": "i:ps", "kiln_config_get": "i:psP",
    "kiln_config_member": "s:pi", "kiln_paged_attention_decode_workspace": "i:spP",
    "kiln_kernel_name": "s:i", "kiln_kernel_create": "i:spiP", "kiln_kernel_release": "v:p", "kiln_kernel_parameter_count": "i:p",
    "kiln_kernel_parameter": "i:piP", "kiln_kernel_prepare": "i:pp", "kiln_kernel_emit": "i:pssP", "kiln_kernel_launch": "i:pspi",
    "kiln_python_set_capsule_functions": "v:pp", "kiln_python_destroy_capsule": "v:p",
    "kiln_bytes_data": "p:p", "kiln_bytes_size": "z:p", "kiln_bytes_release": "v:p",
}
for _kernel in KERNELS:
    _FUNCTIONS |= {f"kiln_{_kernel}": "i:spu", f"kiln_{_kernel}_dlpack": "i:spu", f"kiln_{_kernel}_from_dlpack": "i:sp",
                   f"kiln_{_kernel}_default_config": "i:sP"}
for _name, _signature in _FUNCTIONS.items():
    _function = getattr(lib, _name)
    _result, _arguments = _signature.split(":")
    _function.restype = _TYPES[_result]
    _function.argtypes = [_TYPES[a] for a in _arguments]


def failure(status):
    """The exception for a status."""
    return _ERRORS.get(status, Error)(lib.kiln_last_error().decode())


def check(status):
    if status:
        raise failure(status)


def made(function, *arguments):
    """The pointer that a function leaves behind its last argument."""
    result = ctypes.c_void_p()
    check(function(*arguments, ctypes.byref(result)))
    return result.value


def type_name(value):
    """A value's type as messages have it: "numpy.ndarray", "str"."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def number(value, what):
    """An address, a stream or a size; `what` begins the message where it is none."""
    try:
        result = operator.index(value)
    except TypeError:
        raise InvalidArgument(f"{what} is of type {type_name(value)}, must be an integer") from None
    if not 0 <= result < 1 << 64:
        raise InvalidArgument(f"{what} is {result}, must be from 0 to 2^64 - 1")
    return result


def real(value, what):
    """A float; `what` begins the message where it is none."""
    try:
        if not isinstance(value, (str, bytes)):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InvalidArgument(f"{what} is of type {type_name(value)}, must be a number")


def text(value, what):
    """A string as the C API takes it; `what` begins the message where it is none."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{what} is of type {type_name(value)}, must be a string")
    if "\0" in value:  # the library would read no further
        raise InvalidArgument(f"{what} is {value!r}, must not contain a null character")
    return value.encode(errors="backslashreplace")


def version():
    """The version of the library, "major.minor.patch"."""
    return lib.kiln_version().decode()


_devices = {}


def device_handle(name):
    """The library's handle of the device of that name ("cpu", "cuda:0", "emulated:sm_90a"); 0 for None."""
    if name is None:
        return 0
    handle = _devices.get(name)
    if handle is None:
        handle = _devices[name] = made(lib.kiln_device_find, text(str(name), "device"))
    return handle


def synchronize(device, stream=0):
    """Waits for everything that was enqueued in a stream of the device of that name."""
    check(lib.kiln_synchronize(device_handle(device), number(0 if stream is None else stream, "synchronize: stream")))


def register_buffer(address, size, name):
    """Makes `size` bytes of the host's memory at an address known to check mode (KILN_CHECK=1) and to emulated devices, under a name for
    messages, for launches that are given addresses: kiln.Kernel and kiln.PagedAttentionDecode. Calls with tensors need none: they know how
    large these are."""
    check(lib.kiln_register_buffer(number(address, "register_buffer: address"), number(size, "register_buffer: size"),
                                   text(str(name), "register_buffer: name")))


def unregister_buffer(address):
    """Forgets what was registered at this address; does nothing where nothing was."""
    lib.kiln_unregister_buffer(number(address, "unregister_buffer: address"))
