"""The kernels of the library on tensors of any library that knows DLPack."""

import ctypes
import struct
import sys
import threading

from . import _tensors
from ._config import Config, handle_of
from ._library import WORKSPACE_TOO_SMALL, InvalidArgument, check, device_handle, failure, lib, made, number, real, type_name


class _Kernel:
    """What the C API has for a kernel. `written` are the names of the tensors that it writes, by their places; `tail` is the format of what
    follows the tensors in its structure of tensors."""

    def __init__(self, name, tensors, written, tail=""):
        self.name, self.tensors, self.written = name, tensors, written
        layout = struct.Struct(f"@NP{tensors}P{tail}0P")
        self.size, self.pack = layout.size, layout.pack
        self.launch = getattr(lib, f"kiln_{name}_dlpack")
        self.from_dlpack = getattr(lib, f"kiln_{name}_from_dlpack")
        self.default_config = getattr(lib, f"kiln_{name}_default_config")

    def describe(self, tensors, stream, written=None):
        """Addresses of DLTensors, the CUstream to launch in, what keeps both valid, and the module torch where it is theirs. `written` are
        the places of the tensors that must not be read-only, where they are not those that the kernel writes."""
        if stream is not None:
            stream = number(stream, f"{self.name}: stream")
        torch = _tensors.torch_of(tensors)
        if written is None:
            written = self.written
        if torch is None:
            torch = sys.modules.get("torch")
            if torch is not None:
                tensors = _tensors.resolved(torch, tensors, written, self.name, stream)
            addresses, capsules = _tensors.describe(tensors, written, stream)
            return addresses, stream or 0, (tensors, capsules), None
        launched_in = current_stream(torch, tensors[0]) if stream is None else stream
        addresses = _tensors.describe_torch(torch, tensors)
        if addresses is None:
            tensors = _tensors.resolved(torch, tensors, written, self.name, stream)
            addresses = _tensors.describe_torch(torch, tensors)
        return addresses, launched_in, tensors, torch

    def __call__(self, tensors, tail, config, stream, device):
        addresses, stream, alive, _ = self.describe(tensors, stream)
        handle, config = handle_of(self.name, config)
        check(self.launch(self.pack(self.size, device_handle(device), *addresses, *tail), handle, stream))

    def problem(self, header):
        """The problem of packed tensors, as kiln/c_api.h has it."""
        problem = ctypes.create_string_buffer(_PROBLEM_BYTES[self.name])
        struct.pack_into("@N", problem, 0, len(problem))
        check(self.from_dlpack(header, problem))
        return problem


# The sizes of the structures of problems.
_PROBLEM_BYTES = {name: struct.calcsize("@NPi" + rest + "0P") for name, rest in {
    "vector_add": "q3P", "softmax": "2q2P2q", "rms_norm": "f2q3P2q", "matmul": "3q3P6q", "kv_cache_store": "4q5P14q",
    "paged_attention_decode": "f6q8Pq18q"}.items()}

_vector_add = _Kernel("vector_add", 3, {2: "out"})
_softmax = _Kernel("softmax", 2, {1: "out"})
_rms_norm = _Kernel("rms_norm", 3, {2: "out"}, "f")
_matmul = _Kernel("matmul", 3, {2: "out"})
_kv_cache_store = _Kernel("kv_cache_store", 5, {3: "key_cache", 4: "value_cache"})
_decode = _Kernel("paged_attention_decode", 7, {5: "out", 6: "lse"}, "fPq")
KERNELS = {k.name: k for k in (_vector_add, _softmax, _rms_norm, _matmul, _kv_cache_store, _decode)}

_raw_stream = _capturing = None


def _bind(torch):
    """PyTorch's own functions behind the public ones, which make an object for each call; the public ones where they are gone."""
    global _raw_stream, _capturing
    _capturing = getattr(torch._C, "_cuda_isCurrentStreamCapturing", None) or torch.cuda.is_current_stream_capturing
    _raw_stream = getattr(torch._C, "_cuda_getCurrentRawStream", None) or (lambda i: torch.cuda.current_stream(i).cuda_stream)


def current_stream(torch, tensor):
    """The CUstream that PyTorch works in on the tensor's device; 0 for the host and for the default stream."""
    if not tensor.is_cuda:
        return 0
    if _raw_stream is None:
        _bind(torch)
    return _raw_stream(tensor.get_device())


def vector_add(x, y, *, out=None, config=None, stream=None, device=None):
    """x + y, of any shape without gaps. Returns `out`, a new array of x's library where none is given."""
    out = _tensors.new_like(x) if out is None else out
    _vector_add((x, y, out), (), config, stream, device)
    return out


def softmax(x, *, out=None, config=None, stream=None, device=None):
    """Softmax along the last dimension. Returns `out`, a new array of x's library where none is given."""
    out = _tensors.new_like(x) if out is None else out
    _softmax((x, out), (), config, stream, device)
    return out


def rms_norm(x, weight, *, epsilon=1e-6, out=None, config=None, stream=None, device=None):
    """x / sqrt(mean(x^2) + epsilon) * weight along the last dimension; weight has its size. Returns `out`."""
    out = _tensors.new_like(x) if out is None else out
    _rms_norm((x, weight, out), (real(epsilon, "rms_norm: epsilon"),), config, stream, device)
    return out


def matmul(a, b, *, out=None, config=None, stream=None, device=None):
    """a @ b, [m, k] times [k, n], accumulated in f32. Returns `out`, a new array of a's library where none is given."""
    if out is None:
        _tensors.require_tensors(a, b)
        for name, x, shape in (("a", a, "[m, k]"), ("b", b, "[k, n]")):
            if len(x.shape) != 2:
                raise InvalidArgument(f"matmul: {name} has shape {list(x.shape)}, must be {shape}")
        out = _tensors.new_like(a, (a.shape[0], b.shape[-1]))
    _matmul((a, b, out), (), config, stream, device)
    return out


def kv_cache_store(key, value, key_cache, value_cache, slots, *, config=None, stream=None, device=None):
    """Stores new keys and values, [tokens, kv_heads, head_dim], in paged caches, [num_pages, page_size, kv_heads, head_dim]: token t at
    slots[t] (i64), which counts page_size to a page; a negative slot skips the token. A slot behind the caches is kiln.InvalidArgument where the
    slots are memory of the host's; on a GPU the caller answers for them, and such a token is written to memory that is not the caches'."""
    _kv_cache_store((key, value, slots, key_cache, value_cache), (), config, stream, device)


class _Workspaces(threading.local):
    """Workspaces by device and stream: launches that may run at the same time need one each. For each thread its own, since on the CPU two
    threads run at the same time."""

    def __init__(self):
        self.kept = {}


_workspaces = _Workspaces()
_NONE = (0, 0, None)


class Workspace:
    """Scratch memory of decode for one stream at a time: `paged_attention_workspace` makes it."""

    def __init__(self, memory, address, size):
        self.memory, self.address, self.bytes = memory, address, size


def _new_workspace(size, tensor, torch, device):
    """Zeroed, and of PyTorch's allocator where it can be: in a capture it comes from the graph's own pool."""
    if torch is not None:
        memory = torch.zeros(size, dtype=torch.uint8, device=tensor.device)
        return Workspace(memory, memory.data_ptr(), size)
    if device is None:
        kind, number = tensor.__dlpack_device__()
        device = f"cuda:{number}" if kind == _tensors.CUDA else "cpu"
    memory = _tensors.Buffer(size, device)
    return Workspace(memory, memory.data, size)


_LEAST = struct.unpack("f", struct.pack("I", 1))[0]


def _scale(scale, what="paged_attention_decode: scale"):
    """The structure's scale, where 0 stands for 1 / sqrt(head_dim): a given 0, or what is rounded to it, is the least number above it, under
    which all tokens have the same weight as well."""
    if scale is None:
        return 0.0
    scale = real(scale, what)
    return _LEAST if abs(scale) <= _LEAST / 2 else scale


def _pack_decode(addresses, scale, workspace, device):
    address, size, _ = workspace
    lse = addresses[6] if len(addresses) == 7 else 0
    return _decode.pack(_decode.size, device, *addresses[:6], lse, scale, address, size)


def _workspace_bytes(header, config):
    size = ctypes.c_int64()
    check(lib.kiln_paged_attention_decode_workspace(_decode.problem(header).raw, config, ctypes.byref(size)))
    return size.value


def paged_attention_workspace(q, key_cache, value_cache, block_table, lens, *, config=None, device=None):
    """A Workspace for decode of these tensors, or of any smaller ones, to be passed as `workspace`. Without one, decode keeps a workspace for
    each device and stream. In a CUDA graph a workspace from outside saves the graph the clearing of its own, and must live as long."""
    tensors = (q, key_cache, value_cache, block_table, lens, q)
    addresses, _, alive, torch = _decode.describe(tensors, None, written=())
    handle, config = handle_of("paged_attention_decode", config)
    size = _workspace_bytes(_pack_decode(addresses, 0.0, _NONE, device_handle(device)), handle)
    return _new_workspace(size, q, torch, device)


def paged_attention_decode(q, key_cache, value_cache, block_table, lens, *, scale=None, out=None, lse=None, workspace=None, config=None,
                           stream=None, device=None):
    """Attention of one query token a sequence over a paged cache.

    q and out are [batch, heads, head_dim], the caches [num_pages, page_size, kv_heads, head_dim], block_table [batch, max_pages] and lens
    [batch] of int32, lse, where it is given, [batch, heads] of float32: the natural log-sum-exp of the scores is written there. Any strides.
    `scale` is 1 / sqrt(head_dim) where it is not given.

    Each of lens is from 0 to page_size * max_pages, and the entries of block_table that it uses are from 0 to num_pages - 1; the others may
    be anything. Where the tensors are the host's, others are kiln.InvalidArgument. On a GPU the caller answers for them: what is out of range
    reads memory that is not the caches', and makes wrong results or a fault.

    Tensors of PyTorch are worked on in its current stream, others in `stream`, a CUstream as a number (default: the default stream). Returns
    `out`, a new array of q's library where none is given. There is no gradient.
    """
    if out is None:
        out = _tensors.new_like(q)
    tensors = (q, key_cache, value_cache, block_table, lens, out)
    if lse is not None:
        tensors += (lse,)
    own_stream = stream is None
    addresses, stream, alive, torch = _decode.describe(tensors, stream)
    handle, config = (None, None) if config is None else handle_of("paged_attention_decode", config)
    scale = _scale(scale)
    place = device_handle(device) if device is not None else 0
    if workspace is not None:
        if not isinstance(workspace, Workspace):
            raise InvalidArgument(f"paged_attention_decode: workspace is of type {type_name(workspace)}; pass what "
                                  "kiln.paged_attention_workspace returns")
        given = (workspace.address, workspace.bytes, workspace)
        check(_decode.launch(_pack_decode(addresses, scale, given, place), handle, stream))
        return out

    if torch is not None and not own_stream:
        torch = None  # its allocator knows nothing of that stream
    if torch is not None:
        # What a graph uses must be its own: it may be replayed beside anything.
        key = None if q.is_cuda and _capturing() else (device, q.get_device(), stream)
    else:
        key = (device, *q.__dlpack_device__(), stream)
    kept = _workspaces.kept.get(key, _NONE)
    status = _decode.launch(_pack_decode(addresses, scale, kept, place), handle, stream)
    if status == WORKSPACE_TOO_SMALL:
        made_now = _new_workspace(_workspace_bytes(_pack_decode(addresses, scale, _NONE, place), handle), q, torch, device)
        kept = (made_now.address, made_now.bytes, made_now)
        if key is not None:
            _workspaces.kept[key] = kept
        status = _decode.launch(_pack_decode(addresses, scale, kept, place), handle, stream)
    if status:
        error = failure(status)
        _workspaces.kept.pop(key, None)  # a launch that failed may have left it in any state
        raise error
    return out


def default_config(kernel, *tensors, epsilon=1e-6, device=None):
    """The Config that the kernel of that name ("matmul", "paged_attention_decode", ...) takes for such tensors, with every member set. The
    tensors are those of the kernel's function in its order, and the result last; that of kv_cache_store has none."""
    known = KERNELS.get(kernel)
    if known is None:
        raise InvalidArgument(f"default_config: the library has no kernel {kernel!r}; it has {', '.join(KERNELS)}")
    counts = (known.tensors,) if known is not _decode else (known.tensors - 1, known.tensors)  # without lse or with it
    if len(tensors) not in counts:
        raise InvalidArgument(f"default_config: {kernel} has {' or '.join(map(str, counts))} tensors, and was given {len(tensors)}")
    if kernel == "kv_cache_store":
        key, value, key_cache, value_cache, slots = tensors
        tensors = (key, value, slots, key_cache, value_cache)
    addresses, _, alive, _ = known.describe(tensors, None, written=())
    if kernel == "paged_attention_decode":
        header = _pack_decode(addresses, 0.0, _NONE, device_handle(device))
    else:
        tail = (real(epsilon, "rms_norm: epsilon"),) if kernel == "rms_norm" else ()
        header = known.pack(known.size, device_handle(device), *addresses, *tail)
    return Config._of_handle(kernel, made(known.default_config, known.problem(header).raw))


class PagedAttentionDecode:
    """Decode by pointers and strides: the shortest way from Python to the kernel, for callers that know their tensors.

        step = kiln.PagedAttentionDecode(dtype="f16", heads=32, kv_heads=8, head_dim=128, page_size=16, device="cuda:0")
        step(batch, max_pages, q.data_ptr(), k.data_ptr(), v.data_ptr(), table.data_ptr(), lens.data_ptr(), out.data_ptr(),
             q.stride(), k.stride(), v.stride(), table.stride(), out.stride(), workspace, stream)

    Strides count elements. The caller sees to it that the pointers are of that device, that lengths lie in the table and its used entries in
    the caches (nothing compares them here, on any device), and that a Workspace (or None where `workspace_bytes` is 0) is used by one stream
    at a time.
    """

    _LAYOUT = struct.Struct("@NPif6q8Pq18q")

    def __init__(self, *, dtype, heads, kv_heads, head_dim, page_size, device, scale=None, config=None):
        self._device, self._place = device, device_handle(device)
        self._handle, self._config = handle_of("paged_attention_decode", config)
        # One object for all that is the same in each call.
        self._begin = (self._LAYOUT.size, self._place, _tensors.number_of_dtype(dtype),
                       _scale(scale, "PagedAttentionDecode: scale"))
        self._sizes = (heads, kv_heads, head_dim, page_size)
        self._pack, self._launch = self._LAYOUT.pack, lib.kiln_paged_attention_decode

    def __call__(self, batch, max_pages, q, key_cache, value_cache, table, lens, out, q_stride, key_stride, value_stride, table_stride,
                 out_stride, workspace=None, stream=0):
        try:
            address, size = (workspace.address, workspace.bytes) if workspace is not None else (0, 0)
            status = self._launch(
                self._pack(*self._begin, batch, *self._sizes, max_pages, q, key_cache, value_cache, table, lens, out, 0, address, size,
                           *q_stride, *out_stride, *key_stride, *value_stride, *table_stride, 0, 0), self._handle, stream)
        except (struct.error, TypeError, AttributeError, ctypes.ArgumentError):
            self._explain({"batch": batch, "max_pages": max_pages, "q": q, "key_cache": key_cache, "value_cache": value_cache, "table": table,
                           "lens": lens, "out": out, "stream": stream}, q_stride, key_stride, value_stride, table_stride, out_stride)
            if workspace is not None and not isinstance(workspace, Workspace):
                raise InvalidArgument(f"PagedAttentionDecode: workspace is of type {type_name(workspace)}; pass what `workspace` of "
                                      "this object returns") from None
            raise
        if status:
            raise failure(status)

    def _explain(self, numbers, q_stride, key_stride, value_stride, table_stride, out_stride):
        """Raises what is wrong with arguments that could not be packed."""
        for name, value in numbers.items():
            number(value, f"PagedAttentionDecode: {name}")
        strides = {"q_stride": (q_stride, 3), "key_stride": (key_stride, 4), "value_stride": (value_stride, 4),
                   "table_stride": (table_stride, 2), "out_stride": (out_stride, 3)}
        for name, (value, count) in strides.items():
            if not hasattr(value, "__len__") or len(value) != count:
                given = f"has {len(value)}" if hasattr(value, "__len__") else f"is of type {type_name(value)}"
                raise InvalidArgument(f"PagedAttentionDecode: {name} {given}, must have {count} strides") from None
            for stride in value:
                number(stride, f"PagedAttentionDecode: a stride of {name}")

    def workspace_bytes(self, batch, max_pages, q_stride, key_stride, value_stride, table_stride, out_stride):
        """The bytes of workspace for problems up to these sizes."""
        try:
            problem = self._pack(*self._begin, batch, *self._sizes, max_pages, *(0,) * 9, *q_stride, *out_stride, *key_stride, *value_stride,
                                 *table_stride, 0, 0)
        except (struct.error, TypeError):
            self._explain({"batch": batch, "max_pages": max_pages}, q_stride, key_stride, value_stride, table_stride, out_stride)
            raise
        size = ctypes.c_int64()
        check(lib.kiln_paged_attention_decode_workspace(problem, self._handle, ctypes.byref(size)))
        return size.value

    def workspace(self, *sizes):
        """A new Workspace for problems up to the sizes of `workspace_bytes`. Not while a graph is captured."""
        memory = _tensors.Buffer(self.workspace_bytes(*sizes), self._device)
        return Workspace(memory, memory.data, memory.bytes)
