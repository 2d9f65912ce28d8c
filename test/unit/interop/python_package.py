#!/usr/bin/env python3
"""Tests the Python package on the CPU: with NumPy, and with PyTorch where it is installed.

usage: python_package.py [--library=<libkiln.so>] [--package=<directory>] [--results=<JUnit file>]
"""

import argparse
import ctypes
import gc
import importlib.util
import os
import pathlib
import subprocess
import sys
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))
import junit

parser = argparse.ArgumentParser()
parser.add_argument("--library")
parser.add_argument("--package", default=str(ROOT / "kernels/python"))
parser.add_argument("--results")
args = parser.parse_args()
DEBIAN_PYTHON = "/usr/bin/python3"  # which has NumPy as a package; the Python that CMake has found may be another
if importlib.util.find_spec("numpy") is None:
    if not os.path.samefile(sys.executable, DEBIAN_PYTHON) and subprocess.run([DEBIAN_PYTHON, "-c", "import numpy"]).returncode == 0:
        os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON, *sys.argv])
    print("there is no NumPy")
    sys.exit(77)
if args.library:
    os.environ["KILN_LIBRARY"] = args.library
sys.path.insert(0, args.package)
import numpy as np

import kiln
import kiln._kernels
import kiln._library
import kiln._tensors

torch = None
if importlib.util.find_spec("torch"):
    import torch


def attention(q, k_cache, v_cache, table, lens):
    """The definition, in double precision; out and the log-sum-exp."""
    q, k_cache, v_cache = (np.asarray(x, np.float64) for x in (q, k_cache, v_cache))
    out, lse = np.zeros_like(q), np.full(q.shape[:2], -np.inf)
    group = q.shape[1] // k_cache.shape[2]
    for b, length in enumerate(lens):
        if length == 0:
            continue
        k, v = (cache[table[b]].reshape(-1, *cache.shape[2:])[:length] for cache in (k_cache, v_cache))
        for h in range(q.shape[1]):
            scores = k[:, h // group] @ q[b, h] / np.sqrt(q.shape[2])
            top = scores.max()
            weights = np.exp(scores - top)
            out[b, h] = weights / weights.sum() @ v[:, h // group]
            lse[b, h] = top + np.log(weights.sum())
    return out, lse


class Problem:
    """A step of decode: 3 sequences, the first of them empty, in shuffled pages."""

    def __init__(self, dtype=np.float32):
        random = np.random.default_rng(1)
        self.q = random.standard_normal((3, 8, 64)).astype(dtype)
        self.k, self.v = (random.standard_normal((20, 16, 2, 64)).astype(dtype) for _ in range(2))
        self.table = random.permutation(20)[:18].reshape(3, 6).astype(np.int32)
        self.lens = np.array([0, 17, 90], np.int32)
        self.arguments = (self.q, self.k, self.v, self.table, self.lens)
        self.expected, self.lse = attention(*self.arguments)


class NumPyTest(unittest.TestCase):
    def test_decode(self):
        for dtype, tolerance in ((np.float32, 1e-5), (np.float16, 2e-3)):
            p = Problem(dtype)
            out = kiln.paged_attention_decode(*p.arguments)
            self.assertEqual(out.dtype, dtype)
            np.testing.assert_allclose(out, p.expected, atol=tolerance)

    def test_decode_options(self):
        p = Problem()
        out, lse = np.full_like(p.q, np.nan), np.empty((3, 8), np.float32)
        self.assertIs(kiln.paged_attention_decode(*p.arguments, out=out, lse=lse), out)
        np.testing.assert_allclose(lse, p.lse, atol=1e-5)
        np.testing.assert_allclose(out, p.expected, atol=1e-5)
        scaled = kiln.paged_attention_decode(p.q * 2, *p.arguments[1:], scale=0.5 / 8)
        np.testing.assert_allclose(scaled, p.expected, atol=1e-5)

    def test_decode_with_a_workspace(self):
        p = Problem()
        shares = kiln.Config("paged_attention_decode", schedule=2, block_n=32)
        for _ in range(3):  # the second finds the workspace that the first has left
            np.testing.assert_allclose(kiln.paged_attention_decode(*p.arguments, config=shares), p.expected, atol=1e-5)
        workspace = kiln.paged_attention_workspace(*p.arguments, config=shares)
        self.assertGreater(workspace.bytes, 0)
        np.testing.assert_allclose(kiln.paged_attention_decode(*p.arguments, config=shares, workspace=workspace), p.expected, atol=1e-5)
        workspace.bytes -= 1
        with self.assertRaisesRegex(kiln.InvalidArgument, "workspace_size is .*, must be at least"):
            kiln.paged_attention_decode(*p.arguments, config=shares, workspace=workspace)

    def test_decode_grows_its_workspace(self):
        p, shares = Problem(), {"schedule": 3, "block_n": 16, "part_blocks": 1}
        kiln.paged_attention_decode(*(x[:1] for x in (p.q,)), p.k, p.v, p.table[:1], p.lens[:1], config=shares)
        small = list(kiln._kernels._workspaces.kept.values())[-1][1]
        np.testing.assert_allclose(kiln.paged_attention_decode(*p.arguments, config=shares), p.expected, atol=1e-5)
        self.assertGreater(list(kiln._kernels._workspaces.kept.values())[-1][1], small)

    def test_workspaces_of_threads_are_apart(self):
        p, errors = Problem(), []

        def work():
            for _ in range(20):
                out = kiln.paged_attention_decode(*p.arguments, config={"schedule": 2})
                errors.append(abs(out - p.expected).max())

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(errors), 80)
        self.assertLess(max(errors), 1e-5)

    def test_strides(self):
        p = Problem()
        heads_first = [np.ascontiguousarray(x.swapaxes(1, 2)).swapaxes(1, 2) for x in (p.k, p.v)]
        np.testing.assert_allclose(kiln.paged_attention_decode(p.q, *heads_first, p.table, p.lens), p.expected, atol=1e-5)

    def test_decode_by_pointers(self):
        p = Problem()
        out = np.empty_like(p.q)
        strides = [tuple(n // x.itemsize for n in x.strides) for x in (p.q, p.k, p.v, p.table, out)]
        pointers = [x.ctypes.data for x in (*p.arguments, out)]
        for config in (None, {"schedule": 2}):
            step = kiln.PagedAttentionDecode(dtype="f32", heads=8, kv_heads=2, head_dim=64, page_size=16, device="cpu", config=config)
            workspace = step.workspace(3, 6, *strides)
            out.fill(np.nan)
            step(3, 6, *pointers, *strides, workspace)
            np.testing.assert_allclose(out, p.expected, atol=1e-5)
        with self.assertRaisesRegex(kiln.InvalidArgument, "workspace_size is 0"):
            step(3, 6, *pointers, *strides)

    def test_store(self):
        key, value = np.random.rand(2, 3, 2, 32).astype(np.float32)
        caches = np.zeros((2, 4, 8, 2, 32), np.float32)
        kiln.kv_cache_store(key, value, caches[0], caches[1], np.array([31, -1, 8]))
        np.testing.assert_array_equal(caches[0, 3, 7], key[0])
        np.testing.assert_array_equal(caches[1, 1, 0], value[2])
        self.assertEqual(np.count_nonzero(caches), 2 * 2 * 64)

    def test_rows(self):
        x = np.random.default_rng(2).standard_normal((2, 3, 500)).astype(np.float32)
        weight = np.linspace(1, 2, 500, dtype=np.float32)
        e = np.exp(x - x.max(-1, keepdims=True))
        np.testing.assert_allclose(kiln.softmax(x), e / e.sum(-1, keepdims=True), atol=1e-6)
        np.testing.assert_allclose(kiln.rms_norm(x, weight, epsilon=0.5), x / np.sqrt((x * x).mean(-1, keepdims=True) + 0.5) * weight,
                                   atol=1e-5)
        np.testing.assert_array_equal(kiln.vector_add(x, x), x + x)

    def test_matmul(self):
        a, b = np.random.rand(33, 20).astype(np.float32), np.random.rand(20, 47).astype(np.float32)
        np.testing.assert_allclose(kiln.matmul(a, b), a @ b, rtol=1e-5)
        np.testing.assert_allclose(kiln.matmul(b.T, a.T, config={"block_m": 16}), (a @ b).T, rtol=1e-5)

    def test_read_only_arrays(self):
        x = np.ones((2, 4), np.float32)
        x.flags.writeable = False
        # NumPy refuses by itself before it knows DLPack 1.0.
        with self.assertRaisesRegex((kiln.InvalidArgument, TypeError, BufferError), "read-?only"):
            kiln.softmax(np.ones((2, 4), np.float32), out=x)

    def test_errors(self):
        x = np.ones((2, 4))
        with self.assertRaisesRegex(kiln.InvalidArgument, "softmax: the elements are of f64; must be of f16, bf16 or f32"):
            kiln.softmax(x)
        with self.assertRaisesRegex(ValueError, r"softmax: out has shape \[4\], but in has \[2, 4\]"):
            kiln.softmax(x.astype(np.float32), out=np.ones(4, np.float32))
        with self.assertRaisesRegex(TypeError, "kiln: builtins.list has no __dlpack__; pass a tensor of a library that knows DLPack"):
            kiln.softmax([1.0], out=[1.0])
        for call in (lambda: kiln.softmax([1.0]), lambda: kiln.matmul([[1.0]], x), lambda: kiln.matmul(x, [[1.0]]),
                     lambda: kiln.paged_attention_decode([1.0], x, x, x, x)):
            with self.assertRaisesRegex(TypeError, "kiln: builtins.list has no __dlpack__; pass a tensor of a library that knows DLPack"):
                call()

        class Foreign:
            def __dlpack__(self):
                return None

        with self.assertRaisesRegex(TypeError, "kiln: cannot make an array of .*Foreign; pass out="):
            kiln.softmax(Foreign())
        with self.assertRaisesRegex(kiln.InvalidArgument, "error: softmax has no config field 'blok'; it has block"):
            kiln.softmax(x.astype(np.float32), config={"blok": 2})
        with self.assertRaisesRegex(kiln.InvalidArgument, "unknown device 'tpu'"):
            kiln.softmax(x.astype(np.float32), device="tpu")
        with self.assertRaises(kiln.DeviceError):
            kiln.zeros((2,), "f32", "cuda:4321")
        with self.assertRaisesRegex(kiln.InvalidArgument, "kiln: there is no element type 'f31'; there are i1, "):
            kiln.zeros((2,), "f31", "cpu")
        with self.assertRaisesRegex(kiln.InvalidArgument, "kiln: there is no element type 'half'; there are i1, "):
            kiln.PagedAttentionDecode(dtype="half", heads=8, kv_heads=2, head_dim=64, page_size=16, device="cpu")
        for shape in ((1 << 62,), (-2, -2)):
            with self.assertRaisesRegex(kiln.InvalidArgument, r"kiln: no tensor has the shape \(.*\): sizes are not negative"):
                kiln.zeros(shape, "f32", "cpu")

    def test_configs(self):
        p = Problem()
        chosen = kiln.default_config("paged_attention_decode", *p.arguments, p.q)
        self.assertEqual((chosen["head_dim"], chosen["group"], chosen["page_size"]), (64, 4, 16))
        self.assertIn("num_stages", chosen.members())
        np.testing.assert_allclose(kiln.paged_attention_decode(*p.arguments, config=chosen), p.expected, atol=1e-5)
        x = np.ones((4, 300), np.float32)
        self.assertGreaterEqual(kiln.default_config("softmax", x, x)["block"], 512)
        self.assertEqual(kiln.default_config("matmul", x, x.T, np.ones((4, 4), np.float32))["b_layout"], 1)
        kiln.default_config("rms_norm", x, x[0], x)
        kiln.default_config("vector_add", x, x, x)
        kiln.default_config("kv_cache_store", p.k[0], p.v[0], p.k, p.v, np.zeros(16, np.int64))
        with self.assertRaisesRegex(kiln.InvalidArgument, "the library has no kernel 'softmaxx'; it has vector_add, softmax, "):
            kiln.default_config("softmaxx", x, x)
        with self.assertRaisesRegex(kiln.InvalidArgument, "default_config: softmax has 2 tensors, and was given 1"):
            kiln.default_config("softmax", x)
        with self.assertRaisesRegex(kiln.InvalidArgument, "default_config: paged_attention_decode has 6 or 7 tensors, and was given 5"):
            kiln.default_config("paged_attention_decode", *p.arguments)
        with self.assertRaisesRegex(kiln.InvalidArgument, "default_config: kv_cache_store has 5 tensors, and was given 2"):
            kiln.default_config("kv_cache_store", x, x)
        with self.assertRaisesRegex(kiln.InvalidArgument, "the config's member 'block_n' was not set"):
            kiln.Config("matmul", block_m=16)["block_n"]

    def test_arguments_of_other_types(self):
        p, x = Problem(), np.ones((2, 4), np.float32)
        for stream in ("abc", 1.5, b"abc", x):
            with self.assertRaisesRegex(kiln.InvalidArgument, "softmax: stream is of type .*, must be an integer"):
                kiln.softmax(x, stream=stream)
            with self.assertRaisesRegex(kiln.InvalidArgument, "synchronize: stream is of type .*, must be an integer"):
                kiln.synchronize("cpu", stream)
        with self.assertRaisesRegex(kiln.InvalidArgument, "softmax: stream is -1, must be from 0 to 2\\^64 - 1"):
            kiln.softmax(x, stream=-1)
        for config in ([1, 2], "block=1", 3):
            with self.assertRaisesRegex(kiln.InvalidArgument, "softmax: config is of type .*, must be a kiln.Config, a dict of members or None"):
                kiln.softmax(x, config=config)
        for epsilon in ("a", None, x):
            with self.assertRaisesRegex(kiln.InvalidArgument, "rms_norm: epsilon is of type .*, must be a number"):
                kiln.rms_norm(x, x[0], epsilon=epsilon)
        with self.assertRaisesRegex(kiln.InvalidArgument, "paged_attention_decode: scale is of type str, must be a number"):
            kiln.paged_attention_decode(*p.arguments, scale="1")
        with self.assertRaisesRegex(kiln.InvalidArgument, "paged_attention_decode: workspace is of type numpy.ndarray; pass what "):
            kiln.paged_attention_decode(*p.arguments, workspace=x)

    def test_matrices_of_other_ranks(self):
        x = np.ones((4, 4), np.float32)
        for other in (np.ones((), np.float32), x[0], x[None]):
            shape = ", ".join(map(str, other.shape))
            with self.assertRaisesRegex(kiln.InvalidArgument, rf"matmul: a has shape \[{shape}\], must be \[m, k\]"):
                kiln.matmul(other, x)
            with self.assertRaisesRegex(kiln.InvalidArgument, rf"matmul: b has shape \[{shape}\], must be \[k, n\]"):
                kiln.matmul(x, other)

    def test_names(self):
        x, kernel = np.ones((2, 4), np.float32), kiln.Kernel("vector_add_f32")
        for value in (3, None, b"softmax_f16"):
            for what, call in (("Kernel: name", lambda v: kiln.Kernel(v)), ("Config: kernel", lambda v: kiln.Config(v)),
                               ("emit: target", lambda v: kernel.emit(v, "ptx")), ("emit: stage", lambda v: kernel.emit("sm_90a", v))):
                with self.assertRaisesRegex(kiln.InvalidArgument, f"{what} is of type .*, must be a string"):
                    call(value)
        for what, call in (("Kernel: name", lambda: kiln.Kernel("softmax_f16\0x")), ("device", lambda: kiln.softmax(x, device="cpu\0x")),
                           ("Config: kernel", lambda: kiln.Config("softmax\0")), ("emit: stage", lambda: kernel.emit("sm_90a", "ptx\0")),
                           ("a member of a config", lambda: kiln.Kernel("softmax_f16", block="64\0x")),
                           ("a member of a config", lambda: kiln.Config("softmax", block=64)["block\0"]),
                           ("register_buffer: name", lambda: kiln.register_buffer(x.ctypes.data, 4, "x\0"))):
            with self.assertRaisesRegex(kiln.InvalidArgument, rf"{what} is '.*\\x00.*', must not contain a null character"):
                call()

    def test_numbers_of_numpy_in_configs(self):
        x = np.random.rand(3, 100).astype(np.float32)
        config = kiln.Config("softmax", chunked=np.bool_(True), block=np.int64(32))
        self.assertEqual((config["chunked"], config["block"]), (1, 32))
        np.testing.assert_allclose(kiln.softmax(x, config={"chunked": np.False_}), kiln.softmax(x), atol=1e-6)

    def test_scale_0(self):
        p = Problem()
        expected = attention(p.q * 0, *p.arguments[1:])[0]
        out = np.empty_like(p.q)
        strides = [tuple(n // x.itemsize for n in x.strides) for x in (p.q, p.k, p.v, p.table, out)]
        for scale in (0.0, -0.0, 1e-45, 7.1e-46, 7e-46, 1e-46, -1e-60, 5e-324):  # halves of the least float are rounded to 0
            np.testing.assert_allclose(kiln.paged_attention_decode(*p.arguments, scale=scale), expected, atol=1e-5)
            step = kiln.PagedAttentionDecode(dtype="f32", heads=8, kv_heads=2, head_dim=64, page_size=16, device="cpu", scale=scale)
            step(3, 6, *(x.ctypes.data for x in (*p.arguments, out)), *strides)
            np.testing.assert_allclose(out, expected, atol=1e-5)

    def test_results_without_memory_for_each_element(self):
        from numpy.lib.stride_tricks import as_strided
        p = Problem()

        def shared(x, axis):
            return as_strided(x.copy(), strides=tuple(0 if i == axis else n for i, n in enumerate(x.strides)))

        for axis, said in ((0, "out_stride.batch is 0, but batch is 3"), (1, "out_stride.head is 0, but heads is 8"),
                           (2, "out_stride.dim is 0, but head_dim is 64")):
            with self.assertRaisesRegex(kiln.InvalidArgument, f"paged_attention: {said}: what is written needs memory for each"):
                kiln.paged_attention_decode(*p.arguments, out=shared(p.q, axis))
        lse = np.zeros((3, 8), np.float32)
        for axis, said in ((0, "lse_stride.batch is 0, but batch is 3"), (1, "lse_stride.head is 0, but heads is 8")):
            with self.assertRaisesRegex(kiln.InvalidArgument, f"paged_attention: {said}: what is written needs memory for each"):
                kiln.paged_attention_decode(*p.arguments, lse=shared(lse, axis))
        key, slots = np.ones((3, 2, 64), np.float32), np.array([3, 50, -1])
        for axis, said in ((0, "has a stride of 0 along dimension 0, whose size is 20"), (1, "_stride.token is 0, but page_size is 16"),
                           (2, "_stride.head is 0, but kv_heads is 2"), (3, "_stride.dim is 0, but head_dim is 64")):
            for name, caches in (("key_cache", (shared(p.k, axis), p.v)), ("value_cache", (p.k, shared(p.v, axis)))):
                with self.assertRaisesRegex(kiln.InvalidArgument, f"kv_cache_store: {name} ?{said}: what is written needs memory for each"):
                    kiln.kv_cache_store(key, key, *caches, slots)
        np.testing.assert_allclose(kiln.paged_attention_decode(shared(p.q, 0), *p.arguments[1:])[2],
                                   attention(shared(p.q, 0), *p.arguments[1:])[0][2], atol=1e-5)  # what is only read may be
        out = as_strided(np.empty_like(p.q[:1]), strides=(0, 256, 4))
        np.testing.assert_allclose(kiln.paged_attention_decode(p.q[2:], p.k, p.v, p.table[2:], p.lens[2:], out=out), p.expected[2:], atol=1e-5)

    def test_arrays_without_elements(self):
        p = Problem()
        for none in (p.q[:0], np.empty((0, 8, 64), np.float32)):
            out = kiln.paged_attention_decode(none, p.k, p.v, p.table[:0], np.empty(0, np.int32))
            self.assertEqual(out.shape, (0, 8, 64))
        none = np.empty((0, 2, 64), np.float32)
        kiln.kv_cache_store(none, none, p.k.copy(), p.v.copy(), np.empty(0, np.int64))
        self.assertEqual(kiln.rms_norm(np.empty((3, 0), np.float32), np.empty(0, np.float32)).shape, (3, 0))
        self.assertEqual(kiln.rms_norm(np.empty((0, 5), np.float32), np.ones(5, np.float32)).shape, (0, 5))
        self.assertEqual(kiln.softmax(np.empty((3, 0), np.float32)).shape, (3, 0))
        self.assertEqual(kiln.matmul(np.empty((0, 4), np.float32), np.ones((4, 3), np.float32)).shape, (0, 3))

    def test_a_workspace_for_tensors_that_are_read(self):
        class ReadOnly(kiln.Tensor):
            def __dlpack__(self, **options):
                capsule = super().__dlpack__(**options)
                flags = kiln._tensors._get_pointer(capsule, b"dltensor_versioned") + 24
                ctypes.c_uint64.from_address(flags).value |= 1
                return capsule

        p, q = Problem(), ReadOnly((3, 8, 64), "f32", "cpu")
        with self.assertRaisesRegex(kiln.InvalidArgument, "read-only"):
            kiln.paged_attention_decode(q, *p.arguments[1:], out=q)
        self.assertGreater(kiln.paged_attention_workspace(q, *p.arguments[1:], config={"schedule": 2}).bytes, 0)
        self.assertEqual(kiln.default_config("paged_attention_decode", q, *p.arguments[1:], q)["head_dim"], 64)

    def test_numbers_out_of_range(self):
        def refused(message, change):
            p = Problem()
            change(p)
            with self.assertRaisesRegex(kiln.InvalidArgument, message):
                kiln.paged_attention_decode(*p.arguments)

        refused(r"paged_attention: lengths\[1\] is 100000, must be from 0 to max_pages \* page_size, 96", lambda p: p.lens.__setitem__(1, 100000))
        refused(r"paged_attention: lengths\[2\] is 97, must be", lambda p: p.lens.__setitem__(2, 97))
        refused(r"paged_attention: table\[1, 0\] is 1073741824, but the caches have 20 pages", lambda p: p.table.__setitem__((1, 0), 1 << 30))
        refused(r"paged_attention: table\[2, 5\] is 20, but the caches have 20 pages", lambda p: p.table.__setitem__((2, 5), 20))
        p = Problem()
        p.table[1, 2:] = -99  # its 17 tokens are on two pages
        np.testing.assert_allclose(kiln.paged_attention_decode(*p.arguments), p.expected, atol=1e-5)
        key, caches = np.zeros((3, 2, 32), np.float32), np.zeros((2, 4, 16, 2, 32), np.float32)
        with self.assertRaisesRegex(kiln.InvalidArgument, r"kv_cache_store: slots\[1\] is 64, but the caches have 64 slots"):
            kiln.kv_cache_store(key, key, caches[0], caches[1], np.array([0, 64, 1000]))

    def test_decode_by_pointers_says_what_is_wrong(self):
        p = Problem()
        out, step = np.empty_like(p.q), kiln.PagedAttentionDecode(dtype="f32", heads=8, kv_heads=2, head_dim=64, page_size=16, device="cpu")
        strides = [tuple(n // x.itemsize for n in x.strides) for x in (p.q, p.k, p.v, p.table, out)]
        pointers = [x.ctypes.data for x in (*p.arguments, out)]
        for arguments, message in (
                ((3, 6, *pointers, strides[0][:2], *strides[1:]), "q_stride has 2, must have 3 strides"),
                ((3, 6, *pointers, *strides[:4], 5), "out_stride is of type int, must have 3 strides"),
                ((3, 6, p.q, *pointers[1:], *strides), "q is of type numpy.ndarray, must be an integer"),
                ((3.5, 6, *pointers, *strides), "batch is of type float, must be an integer"),
                ((3, 6, *pointers, *strides, None, "0"), "stream is of type str, must be an integer"),
                ((3, 6, *pointers, *strides, p.q), "workspace is of type numpy.ndarray; pass what")):
            with self.assertRaisesRegex(kiln.InvalidArgument, "PagedAttentionDecode: " + message):
                step(*arguments)
        with self.assertRaisesRegex(kiln.InvalidArgument, "PagedAttentionDecode: table_stride has 1, must have 2 strides"):
            step.workspace_bytes(3, 6, *strides[:3], (6,), strides[4])

    def test_devices_of_the_host(self):
        x = np.random.rand(2, 40).astype(np.float32)
        np.testing.assert_allclose(kiln.softmax(x, device="interpreter"), kiln.softmax(x), atol=1e-6)

    def test_decode_on_an_emulated_device(self):
        p = Problem()
        kept = kiln.zeros((7,), "f32", "emulated:sm_90a")  # known to the device, unlike memory of NumPy's
        for config in (None, {"schedule": 2}, {"schedule": 3}):
            np.testing.assert_allclose(kiln.paged_attention_decode(*p.arguments, config=config, device="emulated:sm_90a"), p.expected, atol=1e-5)
        del kept


class TensorTest(unittest.TestCase):
    def test_other_libraries_take_them(self):
        tensor = kiln.zeros((3, 4), "f16", "cpu")
        array = np.from_dlpack(tensor)
        self.assertEqual((array.shape, array.dtype), ((3, 4), np.float16))
        self.assertEqual(array.ctypes.data, tensor.data_ptr())
        del tensor
        gc.collect()
        self.assertEqual(array.sum(), 0)

    def test_more_memory_than_there_is(self):
        for device in ("cpu", "emulated:sm_90a"):
            with self.assertRaisesRegex(kiln.OutOfMemory, f"{device}: cannot allocate 1125899906842624 bytes: the host has no memory"):
                kiln.zeros((1 << 50,), "i8", device)
        self.assertTrue(issubclass(kiln.OutOfMemory, MemoryError))

    def test_capsules_that_nobody_takes(self):
        tensor = kiln.zeros((1 << 20,), "f32", "cpu")
        for _ in range(200):  # 800 MB in all, if each kept the memory
            tensor.__dlpack__()
            tensor.__dlpack__(max_version=(1, 0))
            kiln.zeros((1 << 20,), "f32", "cpu").__dlpack__()
        with self.assertRaisesRegex(BufferError, "without a copy"):
            tensor.__dlpack__(copy=True)

    def test_capsules_that_are_refused(self):
        def resident_bytes():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        before = resident_bytes()
        for _ in range(100):  # 200 MB in all, if each kept the memory
            with self.assertRaisesRegex((BufferError, RuntimeError), "(?i)dtype"):  # NumPy's own error
                np.from_dlpack(kiln.zeros((1024, 1024), "bf16", "cpu"))
        self.assertLess(resident_bytes() - before, 100 << 20)

    def test_kernels_take_them(self):
        for device in ("cpu", "emulated:sm_90a"):
            out = kiln.softmax(kiln.zeros((2, 4), "f32", device), device=device)
            self.assertIsInstance(out, kiln.Tensor)
            np.testing.assert_array_equal(np.from_dlpack(out), np.full((2, 4), 0.25, np.float32))


class KernelTest(unittest.TestCase):
    def test_compile(self):
        self.assertIn("paged_attention_decode_f16", kiln.kernels())
        kernel = kiln.Kernel("vector_add_f32", block=256)
        self.assertIn(".target sm_90a", kernel.emit("sm_90a", "ptx"))
        with self.assertRaises(kiln.InvalidArgument):
            kernel.emit("sm_90a", "soup")
        with self.assertRaises(kiln.TraceError):
            kiln.Kernel("vector_add_f32", block=100).prepare("cpu")

    def test_launch(self):
        x, out = np.arange(1000, dtype=np.float32), np.zeros(1000, np.float32)
        kernel = kiln.Kernel("vector_add_f32", block=256)
        kernel.prepare("cpu")
        kernel.launch(4, x.ctypes.data, x.ctypes.data, out.ctypes.data, 1000, device="cpu")
        np.testing.assert_array_equal(out, 2 * x)
        with self.assertRaisesRegex(kiln.InvalidArgument, "there are 1 arguments, but the kernel has 4 parameters"):
            kernel.launch(4, 1, device="cpu")
        for argument, said in ((x, "argument 0 is of type ndarray, which is no address; pass a number or a tensor with data_ptr"),
                               (-1, "argument 0 is -1, which is no address")):
            with self.assertRaisesRegex(kiln.InvalidArgument, "vector_add_f32: " + said):
                kernel.launch(4, argument, x.ctypes.data, out.ctypes.data, 1000, device="cpu")
        with self.assertRaisesRegex(kiln.InvalidArgument, "vector_add_f32: argument 3 is 1.5, which is no i64"):
            kernel.launch(4, x.ctypes.data, x.ctypes.data, out.ctypes.data, 1.5, device="cpu")
        for grid in ((), (4, 1, 1, 1), "4", (4, -1), (2.5,)):
            with self.assertRaisesRegex(kiln.InvalidArgument, "vector_add_f32: the grid is .*, must be one to three numbers of programs"):
                kernel.launch(grid, x.ctypes.data, x.ctypes.data, out.ctypes.data, 1000, device="cpu")


class ProcessTest(unittest.TestCase):
    """What is seen in a process of its own."""

    def run_program(self, program, **environment):
        return subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": args.package, **environment}, capture_output=True,
                              text=True)

    def test_checks(self):
        done = self.run_program("""
import numpy as np
import kiln
x, out = np.ones((5, 8), np.float32)[:, :7], np.zeros((5, 7), np.float32)
for device in ("cpu", "interpreter", "emulated:sm_90a"):
    kiln.softmax(x, out=out, device=device)
    assert abs(out.sum() - 5) < 1e-5, device
q, cache = np.ones((2, 4, 16), np.float32), np.ones((3, 8, 2, 16), np.float32)
table, lens = np.array([[0, 1], [2, 9]], np.int32), np.array([16, 3], np.int32)
for config in (None, {"schedule": 2}):
    assert abs(kiln.paged_attention_decode(q, cache, cache, table, lens, config=config) - 1).max() < 1e-5
kiln.kv_cache_store(q[:, :2], q[:, :2], cache, cache.copy(), np.array([23, -1]))
assert (kiln.vector_add(q, q) == 2).all() and (kiln.matmul(x, x.T) == 7).all()
kernel = kiln.Kernel("vector_add_f32", block=256)
x, out = np.ones(100, np.float32), np.zeros(100, np.float32)
launch = lambda n: kernel.launch(1, x.ctypes.data, x.ctypes.data, out.ctypes.data, n, device="cpu")
kiln.register_buffer(x.ctypes.data, x.nbytes, "x")
kiln.register_buffer(out.ctypes.data, out.nbytes, "out")
launch(100)
assert out.sum() == 200
try:
    launch(101)
except kiln.TrapError as error:
    assert "past the end of buffer '" in str(error), error
else:
    assert False
kiln.unregister_buffer(x.ctypes.data)
try:
    launch(100)
except kiln.TrapError as error:
    assert "buffer 'out'" in str(error), error
else:
    assert False
""", KILN_CHECK="1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_buffers_that_cannot_be_registered(self):
        with self.assertRaisesRegex(kiln.InvalidArgument, "register_buffer: address is of type str, must be an integer"):
            kiln.register_buffer("x", 8, "x")
        with self.assertRaisesRegex(kiln.InvalidArgument, "register_buffer: buffer 'x' has a null address"):
            kiln.register_buffer(0, 8, "x")

    def test_capsules_that_outlive_the_package(self):
        done = self.run_program("""
import sys
import kiln
z = kiln.zeros((2, 3), "f32", "cpu")
sys.keep = [z.__dlpack__(max_version=(1, 0)), z.__dlpack__()]
""")
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class LibraryTest(unittest.TestCase):
    def load(self, **environment):
        """What a fresh process says that cannot import the package."""
        command = [sys.executable, "-c", "import kiln"]
        done = subprocess.run(command, env={"PYTHONPATH": args.package, **environment}, capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr.splitlines()[-1]

    def test_version(self):
        self.assertRegex(kiln.version(), r"^\d+\.\d+\.\d+$")

    def test_not_found(self):
        if kiln._library.find_library() != os.environ.get("KILN_LIBRARY"):
            self.skipTest("the package is installed beside its library")
        self.assertRegex(self.load(), "ImportError: kiln: there is no libkiln.so beside the package in .*; install Kiln, or set KILN_LIBRARY")

    def test_not_a_library(self):
        said = self.load(KILN_LIBRARY=__file__)
        self.assertRegex(said, f"ImportError: kiln: cannot load {__file__}: .*; set KILN_LIBRARY to the file of a libkiln.so with the C API")
        self.assertRegex(self.load(KILN_LIBRARY="libc.so.6"), "cannot load libc.so.6: .*kiln_c_api_version")


@unittest.skipUnless(torch, "there is no PyTorch")
class TorchTest(unittest.TestCase):
    def setUp(self):
        p = Problem()
        self.expected = p.expected
        self.arguments = [torch.from_numpy(x.copy()) for x in p.arguments]

    def test_decode(self):
        for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 3e-2)):
            arguments = [x.to(dtype) if x.is_floating_point() else x for x in self.arguments]
            out = kiln.paged_attention_decode(*arguments)
            self.assertIs(out.dtype, dtype)
            np.testing.assert_allclose(out.float().numpy(), self.expected, atol=tolerance)

    def test_both_ways_say_the_same(self):
        q, k, v, table, lens = self.arguments
        with self.assertRaisesRegex(kiln.InvalidArgument, "table has elements of i64, must have i32; convert it before the call"):
            kiln.paged_attention_decode(q, k, v, table.long(), lens)
        with self.assertRaisesRegex(kiln.InvalidArgument, "kiln: no kernel takes elements of torch.complex64"):
            kiln.softmax(q.to(torch.complex64))
        np.testing.assert_allclose(kiln.paged_attention_decode(q, k.numpy(), v, table, lens).numpy(), self.expected, atol=1e-5)

    def test_views_that_are_negated_when_read(self):
        def negated(x):
            """x, in memory that holds -x."""
            view = torch.complex(torch.zeros_like(x), -x).conj().imag
            self.assertTrue(view.is_neg())
            return view

        q, k, v, table, lens = self.arguments
        arguments = negated(q), negated(k), negated(v), table, lens
        for others in (table, lens), (table.numpy(), lens.numpy()):  # both ways
            out = kiln.paged_attention_decode(*arguments[:3], *others)
            self.assertFalse(out.is_neg())
            np.testing.assert_allclose(out.numpy(), self.expected, atol=1e-5)
            with self.assertRaisesRegex(kiln.InvalidArgument, "paged_attention_decode: out is a view that PyTorch negates when it reads it"):
                kiln.paged_attention_decode(q, k, v, *others, out=negated(q))
        np.testing.assert_allclose(kiln.softmax(arguments[0]).numpy(), torch.softmax(q, -1).numpy(), atol=1e-6)
        self.assertGreaterEqual(kiln.default_config("softmax", arguments[0], arguments[0])["block"], 64)
        key, slots = torch.rand(3, 2, 64), torch.tensor([3, 50, -1])
        with self.assertRaisesRegex(kiln.InvalidArgument, "kv_cache_store: value_cache is a view that PyTorch negates"):
            kiln.kv_cache_store(key, key, k, arguments[2], slots)
        cache = torch.zeros_like(k)
        kiln.kv_cache_store(negated(key), key, cache, v, slots)
        np.testing.assert_array_equal(cache[0, 3].numpy(), key[0].numpy())
        with self.assertRaisesRegex(kiln.InvalidArgument, "vector_add_f32: argument 0 is a view that PyTorch negates"):
            kiln.Kernel("vector_add_f32").launch(1, arguments[0], q, q, 4, device="cpu")

    def test_operators(self):
        import kiln.torch  # noqa: F401
        ops, (q, k, v, table, lens) = torch.ops.kiln, self.arguments
        np.testing.assert_allclose(ops.paged_attention_decode(q, k, v, table, lens).numpy(), self.expected, atol=1e-5)
        out = torch.empty_like(q)
        ops.paged_attention_decode_out(q, k, v, table, lens, out)
        np.testing.assert_allclose(out.numpy(), self.expected, atol=1e-5)
        cases = {ops.paged_attention_decode: (q, k, v, table, lens), ops.paged_attention_decode_out: (q, k, v, table, lens, out),
                 ops.softmax: (q,), ops.rms_norm: (q, q[0, 0].clone(), 1e-6), ops.matmul: (q[0], q[1].t()), ops.vector_add: (q, q.clone()),
                 ops.kv_cache_store: (torch.rand(3, 2, 64), torch.rand(3, 2, 64), k, v, torch.tensor([3, 50, -1]))}
        for operator, arguments in cases.items():
            torch.library.opcheck(operator, arguments)


class Result(unittest.TestResult):
    def outcome(self):
        """What junit.run wants to know of one test."""
        for _, text in self.errors + self.failures:
            raise junit.Failure(text)
        for _, reason in self.skipped:
            raise junit.Skip(reason)


def check(case):
    result = Result()
    case.run(result)
    result.outcome()


def main():
    cases = [case for suite in unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]) for case in suite]
    return junit.run("python", [(case.id().split(".", 1)[1], lambda c=case: check(c)) for case in cases], args.results, jobs=1)


if __name__ == "__main__":
    sys.exit(main())
