"""Kiln for Python: the kernels of the library on tensors of PyTorch, NumPy and whoever knows DLPack, without a copy.

    out = kiln.paged_attention_decode(q, key_cache, value_cache, block_table, lens)

Tensors on a GPU are worked on there, those of the host by the CPU. `import kiln.torch` makes the kernels operators of PyTorch
(torch.ops.kiln). The library is found in the tree that the package was installed with, or by KILN_LIBRARY.
"""

from ._compile import Kernel, kernels
from ._config import Config
from ._kernels import (PagedAttentionDecode, Workspace, default_config, kv_cache_store, matmul, paged_attention_decode,
                       paged_attention_workspace, rms_norm, softmax, vector_add)
from ._library import (CheckError, CompileError, ContextLost, DeviceError, Error, InvalidArgument, LaunchError, OutOfMemory, TraceError,
                       TrapError, register_buffer, synchronize, unregister_buffer, version)
from ._tensors import Tensor, zeros

__all__ = ["CheckError", "CompileError", "Config", "ContextLost", "DeviceError", "Error", "InvalidArgument", "Kernel", "LaunchError",
           "OutOfMemory", "PagedAttentionDecode", "Tensor", "TraceError", "TrapError", "Workspace", "default_config", "kernels",
           "kv_cache_store", "matmul", "paged_attention_decode", "paged_attention_workspace", "register_buffer", "rms_norm", "softmax",
           "synchronize", "unregister_buffer", "vector_add", "version", "zeros"]
