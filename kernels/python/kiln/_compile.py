"""Compiling and launching kernels by name."""

import ctypes
import struct

from . import _tensors
from ._config import assignment
from ._library import InvalidArgument, check, device_handle, lib, made, number, text

_NAMES = {number: name for name, number in _tensors.DTYPES.items()}
_FORMATS = {"i1": "?", "i8": "b", "i16": "h", "i32": "i", "i64": "q", "f16": "e", "f32": "f", "f64": "d"}


def kernels():
    """The names of the kernels of the library: "softmax_f16"."""
    names = []
    while name := lib.kiln_kernel_name(len(names)):
        names.append(name.decode())
    return names


class _Parameter(ctypes.Structure):
    _fields_ = [("pointer", ctypes.c_int), ("read_only", ctypes.c_int), ("dtype", ctypes.c_int)]


class Kernel:
    """A kernel of the library with members of its config.

        kiln.Kernel("softmax_f16", block=256).emit("sm_90a", "ptx")
    """

    def __init__(self, name, **members):
        self.name, self._handle = name, None
        texts = [assignment(member, value) for member, value in members.items()]
        self._handle = made(lib.kiln_kernel_create, text(name, "Kernel: name"), (ctypes.c_char_p * len(texts))(*texts), len(texts))
        self.parameters = []  # (is a pointer, element type)
        for i in range(lib.kiln_kernel_parameter_count(self._handle)):
            parameter = _Parameter()
            check(lib.kiln_kernel_parameter(self._handle, i, ctypes.byref(parameter)))
            self.parameters.append((bool(parameter.pointer), _NAMES[parameter.dtype]))

    def __del__(self):
        if self._handle:
            lib.kiln_kernel_release(self._handle)

    def prepare(self, device):
        """Compiles for the device of that name and loads."""
        check(lib.kiln_kernel_prepare(self._handle, device_handle(device)))

    def emit(self, target, stage):
        """The kernel compiled for a target ("sm_90a", "cpu") at one stage: "cubin" as bytes, all others as text."""
        handle = made(lib.kiln_kernel_emit, self._handle, text(target, "emit: target"), text(stage, "emit: stage"))
        try:
            data = ctypes.string_at(lib.kiln_bytes_data(handle), lib.kiln_bytes_size(handle))
        finally:
            lib.kiln_bytes_release(handle)
        return data if stage == "cubin" else data.decode()

    def launch(self, grid, *arguments, device, stream=0):
        """Runs a grid of programs, a number or up to three of them, on the device of that name. Pointers are given as numbers or as tensors
        with data_ptr()."""
        if len(arguments) != len(self.parameters):
            raise InvalidArgument(f"{self.name}: there are {len(arguments)} arguments, but the kernel has {len(self.parameters)} parameters")
        slots = (ctypes.c_uint64 * len(arguments))()
        for i, (value, (pointer, dtype)) in enumerate(zip(arguments, self.parameters)):
            if pointer and hasattr(value, "data_ptr"):
                if hasattr(value, "is_neg") and value.is_neg():
                    raise InvalidArgument(f"{self.name}: argument {i} is a view that PyTorch negates when it reads it (is_neg()), which its "
                                          "address does not say; pass its resolve_neg()")
                value = value.data_ptr()
            try:
                struct.pack_into("Q" if pointer else _FORMATS[dtype], slots, 8 * i, value)
            except (struct.error, OverflowError, TypeError):
                given = repr(value) if isinstance(value, (int, float)) else f"of type {type(value).__qualname__}"
                kind = "address; pass a number or a tensor with data_ptr()" if pointer else dtype
                raise InvalidArgument(f"{self.name}: argument {i} is {given}, which is no {kind}") from None
        base = ctypes.addressof(slots)
        places = (ctypes.c_void_p * len(arguments))(*(base + 8 * i for i in range(len(arguments))))
        programs = tuple(grid) if hasattr(grid, "__iter__") else (grid,)
        try:
            programs = struct.pack("3I", *programs, *(1,) * (3 - len(programs))) if programs else None
        except struct.error:
            programs = None
        if programs is None:
            raise InvalidArgument(f"{self.name}: the grid is {grid!r}, must be one to three numbers of programs")
        layout = struct.Struct("@NPP12si0P")
        stream = number(0 if stream is None else stream, f"{self.name}: stream")
        options = layout.pack(layout.size, device_handle(device), stream, programs, 0)
        check(lib.kiln_kernel_launch(self._handle, options, places, len(arguments)))
