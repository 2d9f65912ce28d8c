#!/usr/bin/env python3
"""Tests the Python package on the CPU: with NumPy, and with PyTorch where it is installed.

usage: python_package.py [--library=<libkiln.so>] [--package=<directory>] [--results=<JUnit file>]
"""

import argparse
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
        with self.assertRaisesRegex(TypeError, "kiln: cannot make an array of builtins.list; pass out="):
            kiln.softmax([1.0])
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

    def test_devices_of_the_host(self):
        x = np.random.rand(2, 40).astype(np.float32)
        np.testing.assert_allclose(kiln.softmax(x, device="interpreter"), kiln.softmax(x), atol=1e-6)


class TensorTest(unittest.TestCase):
    def test_other_libraries_take_them(self):
        tensor = kiln.zeros((3, 4), "f16", "cpu")
        array = np.from_dlpack(tensor)
        self.assertEqual((array.shape, array.dtype), ((3, 4), np.float16))
        self.assertEqual(array.ctypes.data, tensor.data_ptr())
        del tensor
        gc.collect()
        self.assertEqual(array.sum(), 0)

    def test_capsules_that_nobody_takes(self):
        tensor = kiln.zeros((1 << 20,), "f32", "cpu")
        for _ in range(200):  # 800 MB in all, if each kept the memory
            tensor.__dlpack__()
            tensor.__dlpack__(max_version=(1, 0))
            kiln.zeros((1 << 20,), "f32", "cpu").__dlpack__()
        with self.assertRaisesRegex(BufferError, "without a copy"):
            tensor.__dlpack__(copy=True)

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
