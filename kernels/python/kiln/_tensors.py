"""Tensors of any library as DLTensor structures, which the C API reads; and memory of Kiln's as a tensor for any library.

Tensors of PyTorch are asked for their pointers and strides; all others for __dlpack__, whose capsules are read and not taken: what a tensor
refers to is its owner's.
"""

import ctypes
import struct
import sys
import threading

from ._library import InvalidArgument, check, device_handle, lib, made

DLPACK_VERSION = (1, 0)
CPU, CUDA = 1, 2  # of DLDeviceType; a device's number is in the upper half of the 64 bits that both take
DTYPES = {"i1": 0, "i8": 1, "i16": 2, "i32": 3, "i64": 4, "f8e4m3": 5, "f8e5m2": 6, "f16": 7, "bf16": 8, "f32": 9, "f64": 10}
_ITEM_BYTES = {"i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "f8e4m3": 1, "f8e5m2": 1, "f16": 2, "bf16": 2, "f32": 4, "f64": 8}


def number_of_dtype(name):
    """The kiln_dtype of that name."""
    if name not in DTYPES:
        raise InvalidArgument(f"kiln: there is no element type {name!r}; there are {', '.join(DTYPES)}")
    return DTYPES[name]


_api = ctypes.pythonapi
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_IsValid", _api))
_get_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", _api))
_new_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(("PyCapsule_New", _api))


class _Block:
    """Room for the DLTensors of a call with tensors of these ranks. What does not change between calls is written together with what
    does: one call of `pack_into` takes less time than several."""

    def __init__(self, ranks):
        # data, device, ndim and dtype, shape, strides, byte_offset; then the numbers of shape and strides.
        packer = struct.Struct("@" + "".join(f"QQQPPQ{2 * rank}q" for rank in ranks))
        self.memory = ctypes.create_string_buffer(packer.size)
        self.pack_into = packer.pack_into
        address = ctypes.addressof(self.memory)
        self.tensors, self.shapes, self.strides = [], [], []
        for rank in ranks:
            self.tensors.append(address)
            self.shapes.append(address + 48)
            self.strides.append(address + 48 + 8 * rank)
            address += 48 + 16 * rank


class _Local(threading.local):
    def __init__(self):
        self.blocks = {}


_local = _Local()


def _element_types(torch):
    """The upper half of what follows a DLTensor's device, for each dtype of PyTorch: code, bits and one lane."""
    codes = {"bool": (6, 8), "int8": (0, 8), "int16": (0, 16), "int32": (0, 32), "int64": (0, 64), "uint8": (1, 8), "float16": (2, 16),
             "bfloat16": (4, 16), "float32": (2, 32), "float64": (2, 64), "float8_e4m3fn": (10, 8), "float8_e5m2": (12, 8)}
    return {getattr(torch, name): (code | bits << 8 | 1 << 16) << 32 for name, (code, bits) in codes.items() if hasattr(torch, name)}


_torch_types = {}


def describe_torch(torch, tensors):
    """The addresses of DLTensors of tensors of PyTorch. They are valid until the thread's next call. None where a tensor's elements have other
    signs than its memory: see `resolved`."""
    if not _torch_types:
        _torch_types.update(_element_types(torch))
    ranks = tuple([t.dim() for t in tensors])
    block = _local.blocks.get(ranks)
    if block is None:
        block = _local.blocks[ranks] = _Block(ranks)
    values = []
    try:
        for t, rank, shape, strides in zip(tensors, ranks, block.shapes, block.strides):
            if t.is_neg():
                return None
            number = t.get_device()
            device = CUDA | number << 32 if number >= 0 else CPU
            values += (t.data_ptr(), device, rank | _torch_types[t.dtype], shape, strides, 0, *t.shape, *t.stride())
    except KeyError as error:
        raise InvalidArgument(f"kiln: no kernel takes elements of {error.args[0]}; convert the tensor before the call") from None
    block.pack_into(block.memory, 0, *values)
    return block.tensors


def resolved(torch, tensors, written, kernel, stream):
    """The tensors, with a copy in place of each that PyTorch will negate only when it is used, as the imaginary part of x.conj() is. The
    copies are made in `stream`, a CUstream, where one is given. Complex tensors, which have a bit like that for conj(), no kernel takes.
    `written` are the names of the tensors that the kernel writes, by their places."""
    result = list(tensors)
    for place, t in enumerate(tensors):
        if not isinstance(t, torch.Tensor) or not t.is_neg():
            continue
        if place in written:
            raise InvalidArgument(f"{kernel}: {written[place]} is a view that PyTorch negates when it reads it (is_neg()), which cannot be "
                                  "written; pass a tensor of its own")
        if t.is_cuda and stream is not None:
            with torch.cuda.stream(torch.cuda.ExternalStream(stream, t.device) if stream else torch.cuda.default_stream(t.device)):
                result[place] = t.resolve_neg()
        else:
            result[place] = t.resolve_neg()
    return result


_unversioned = set()  # types whose __dlpack__ knows no max_version


def require_tensors(*values):
    for x in values:
        kind = type(x)
        if not hasattr(kind, "__dlpack__"):
            raise TypeError(f"kiln: {kind.__module__}.{kind.__qualname__} has no __dlpack__; pass a tensor of a library that knows DLPack")


def _capsule(x, stream):
    require_tensors(x)
    kind = type(x)
    # Memory of the host has no stream.
    options = {"stream": (stream or 1) if x.__dlpack_device__()[0] == CUDA else None}
    if kind not in _unversioned:
        try:
            return x.__dlpack__(max_version=DLPACK_VERSION, **options)
        except TypeError:
            _unversioned.add(kind)
    return x.__dlpack__(**options)


def describe(tensors, written, stream):
    """The addresses of DLTensors of tensors with __dlpack__, and what keeps them valid. `written` are the places of those that the kernel
    writes; their memory is ready for use in `stream`, a CUstream."""
    addresses, capsules = [], []
    for place, x in enumerate(tensors):
        capsule = _capsule(x, stream)
        capsules.append(capsule)
        if _is_valid(capsule, b"dltensor_versioned"):
            managed = _get_pointer(capsule, b"dltensor_versioned")
            addresses.append(made(lib.kiln_dlpack_view, managed, place in written))
        else:
            addresses.append(_get_pointer(capsule, b"dltensor"))  # begins with the DLTensor
    return addresses, capsules


def torch_of(tensors):
    """The module torch, where all are tensors of PyTorch, on the host or on GPUs of CUDA; else None."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    kind = torch.Tensor
    for t in tensors:
        if not isinstance(t, kind):
            return None
    return torch if t.is_cuda or t.is_cpu else None


def new_like(x, shape=None):
    """An array of x's library on its device, not initialised; of x's shape where none is given."""
    torch = torch_of((x,))
    if torch:
        return torch.empty_like(x) if shape is None else x.new_empty(shape)
    if shape is None and hasattr(x, "shape"):
        shape = tuple(x.shape)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(x, numpy.ndarray):
        return numpy.empty(shape, x.dtype)
    if isinstance(x, Tensor):
        return zeros(shape, x.dtype, x.device)
    if hasattr(x, "__array_namespace__"):
        return x.__array_namespace__().empty(shape, dtype=x.dtype, device=x.device)
    require_tensors(x)
    raise TypeError(f"kiln: cannot make an array of {type(x).__module__}.{type(x).__qualname__}; pass out=")


class Buffer:
    """Memory of a device, filled with zeros; freed with the last object that refers to it."""

    def __init__(self, size, device):
        self.bytes, self.device = int(size), device
        self._handle = None
        self._handle = made(lib.kiln_buffer_create, device_handle(device), self.bytes)
        self.data = lib.kiln_buffer_data(self._handle) or 0

    def __del__(self):
        if self._handle:
            lib.kiln_buffer_release(self._handle)


# The destructor of a capsule is the library's own: one in Python could not run while an exception is on its way, as when a library refuses a
# tensor that it was handed.
lib.kiln_python_set_capsule_functions(_api.PyCapsule_IsValid, _api.PyCapsule_GetPointer)
_destructor_address = ctypes.cast(lib.kiln_python_destroy_capsule, ctypes.c_void_p)


class Tensor:
    """An array in memory of Kiln's. Other libraries take it with their from_dlpack, without a copy."""

    def __init__(self, shape, dtype, device):
        number_of_dtype(dtype)
        self.shape, self.dtype, self.device = tuple(int(n) for n in shape), dtype, device
        count = 1
        for n in self.shape:
            count *= n
        size = count * _ITEM_BYTES[dtype]
        if size >= 1 << 63 or any(n < 0 for n in self.shape):
            raise InvalidArgument(f"kiln: no tensor has the shape {self.shape}: sizes are not negative, and take less than 2^63 bytes together")
        self._buffer = Buffer(size, device)

    def data_ptr(self):
        return self._buffer.data

    def __dlpack_device__(self):
        kind, _, number = self.device.partition(":")
        return (CUDA, int(number or 0)) if kind == "cuda" else (CPU, 0)

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        if copy or (dl_device is not None and tuple(dl_device) != self.__dlpack_device__()):
            raise BufferError("kiln: the tensor is handed out where it is, without a copy")
        versioned = max_version is not None and tuple(max_version)[0] >= 1
        function, name = ((lib.kiln_buffer_to_dlpack, b"dltensor_versioned") if versioned else
                          (lib.kiln_buffer_to_dlpack_unversioned, b"dltensor"))
        shape = (ctypes.c_int64 * len(self.shape))(*self.shape)
        managed = made(function, self._buffer._handle, DTYPES[self.dtype], len(self.shape), shape, None)
        return _new_capsule(managed, _CAPSULE_NAMES[name], _destructor_address)


# A capsule keeps the address of its name, which therefore lives as long as the process.
_CAPSULE_NAMES = {name: ctypes.create_string_buffer(name) for name in (b"dltensor", b"dltensor_versioned")}
for _name in _CAPSULE_NAMES.values():
    _api.Py_IncRef(ctypes.py_object(_name))
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]


def zeros(shape, dtype, device):
    """A Tensor of zeros on the device of that name."""
    return Tensor(shape, dtype, device)
