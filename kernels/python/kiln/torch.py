"""The kernels as operators of PyTorch: after `import kiln.torch` there are torch.ops.kiln.paged_attention_decode and its like, which
torch.compile takes as they are. Needs PyTorch 2.4 or later. They have no gradients.

The operators are defined without the wrapper torch.library.custom_op, which costs more time in each call than the kernels take.
"""

import torch

from . import _kernels

_library = torch.library.Library("kiln", "DEF")


def _vector_add(x, y):
    return _kernels.vector_add(x, y)


def _softmax(x):
    return _kernels.softmax(x)


def _rms_norm(x, weight, epsilon):
    return _kernels.rms_norm(x, weight, epsilon=epsilon)


def _matmul(a, b):
    return _kernels.matmul(a, b)


def _kv_cache_store(key, value, key_cache, value_cache, slots):
    _kernels.kv_cache_store(key, value, key_cache, value_cache, slots)


def _paged_attention_decode(q, key_cache, value_cache, block_table, lens, scale=None):
    return _kernels.paged_attention_decode(q, key_cache, value_cache, block_table, lens, scale=scale)


def _paged_attention_decode_out(q, key_cache, value_cache, block_table, lens, out, scale=None):
    _kernels.paged_attention_decode(q, key_cache, value_cache, block_table, lens, scale=scale, out=out)


# Of each operator its arguments and result, what runs it, and what makes its result without running it.
_OPERATORS = {
    "vector_add": ("(Tensor x, Tensor y) -> Tensor", _vector_add, lambda x, y: torch.empty_like(x)),
    "softmax": ("(Tensor x) -> Tensor", _softmax, lambda x: torch.empty_like(x)),
    "rms_norm": ("(Tensor x, Tensor weight, float epsilon) -> Tensor", _rms_norm, lambda x, weight, epsilon: torch.empty_like(x)),
    "matmul": ("(Tensor a, Tensor b) -> Tensor", _matmul, lambda a, b: a.new_empty((a.shape[0], b.shape[1]))),
    "kv_cache_store": ("(Tensor key, Tensor value, Tensor(a!) key_cache, Tensor(b!) value_cache, Tensor slots) -> ()", _kv_cache_store,
                       lambda key, value, key_cache, value_cache, slots: None),
    "paged_attention_decode": ("(Tensor q, Tensor key_cache, Tensor value_cache, Tensor block_table, Tensor lens, float? scale=None)"
                               " -> Tensor", _paged_attention_decode,
                               lambda q, key_cache, value_cache, block_table, lens, scale=None: torch.empty_like(q)),
    "paged_attention_decode_out": ("(Tensor q, Tensor key_cache, Tensor value_cache, Tensor block_table, Tensor lens, Tensor(a!) out,"
                                   " float? scale=None) -> ()", _paged_attention_decode_out,
                                   lambda q, key_cache, value_cache, block_table, lens, out, scale=None: None),
}
for _name, (_schema, _run, _fake) in _OPERATORS.items():
    _library.define(_name + _schema)
    for _key in ("CPU", "CUDA"):
        _library.impl(_name, _run, _key)
    torch.library.register_fake(f"kiln::{_name}", _fake, lib=_library)
