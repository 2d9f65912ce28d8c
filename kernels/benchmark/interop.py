#!/usr/bin/env python3
"""Decode from Python on PyTorch's tensors: compares it with PyTorch, eagerly, in CUDA graphs and as an operator, and measures what a call
costs the processor on each way into the library.

usage: interop.py [--device=cuda] [--csv=<file>]

Prints a line for each check and a table of microseconds; ends with status 1 where a check failed.
"""

import argparse
import csv
import pathlib
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve()
# In an installed tree the package lies beside this folder; in the source it is in kernels/.
sys.path[:0] = [str(HERE.parents[1] / "python")]

import torch

import kiln
import kiln.torch  # noqa: F401

TOLERANCE = {torch.float16: 4e-3, torch.bfloat16: 3e-2, torch.float32: 1e-4}


class Problem:
    """A step of decode of ragged sequences in shuffled pages, with a definition of its result in f32."""

    def __init__(self, device, dtype=torch.float16, lens=(1, 100, 0, 777, 1024), kv_heads=8, group=4, head_dim=128, page=16):
        torch.manual_seed(1)
        width = max(1, -(-max(lens) // page))
        pages = len(lens) * width
        self.q = torch.randn(len(lens), kv_heads * group, head_dim, device=device, dtype=dtype)
        self.k, self.v = (torch.randn(pages, page, kv_heads, head_dim, device=device, dtype=dtype) for _ in range(2))
        self.table = torch.randperm(pages).view(len(lens), width).to(device, torch.int32)
        self.lens = torch.tensor(lens, device=device, dtype=torch.int32)
        self.arguments = (self.q, self.k, self.v, self.table, self.lens)

    def expected(self):
        q, k, v = (x.float() for x in (self.q, self.k[self.table.long()].flatten(1, 2), self.v[self.table.long()].flatten(1, 2)))
        batch, heads, dim = q.shape
        live = torch.arange(k.shape[1], device=q.device) < self.lens[:, None]
        scores = torch.einsum("bkgd,bnkd->bkgn", q.view(batch, k.shape[2], -1, dim), k) * dim**-0.5
        weights = scores.masked_fill(~live[:, None, None], -1e30).softmax(-1) * live[:, None, None]
        return torch.einsum("bkgn,bnkd->bkgd", weights, v).reshape(batch, heads, dim)

    def check(self, out):
        error = (out.float() - self.expected()).abs().max().item()
        if not error <= TOLERANCE[self.q.dtype]:
            raise AssertionError(f"largest error {error:.1e}, more than {TOLERANCE[self.q.dtype]:.0e}")
        return f"largest error {error:.1e}"


class Foreign:
    """A tensor of a library that is nothing to Kiln but its __dlpack__."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()

    def __dlpack__(self, **options):
        return self.tensor.__dlpack__(**options)


# ---- Checks


def eager(device):
    said = []
    for dtype in TOLERANCE:
        for group, head_dim, page in ((4, 128, 16), (1, 64, 1), (5, 80, 64)):
            p = Problem(device, dtype, group=group, head_dim=head_dim, page=page)
            said.append(p.check(kiln.paged_attention_decode(*p.arguments)))
    return max(said, key=lambda text: float(text.split()[-1]))


def dlpack(device):
    p = Problem(device)
    out = torch.empty_like(p.q)
    kiln.paged_attention_decode(*map(Foreign, p.arguments), out=Foreign(out), stream=stream_of(device))
    return p.check(out)


def from_kiln(device):
    tensor = kiln.zeros((4, 64), "f16", device if device == "cpu" else "cuda:0")
    view = torch.from_dlpack(tensor)
    assert view.data_ptr() == tensor.data_ptr() and view.sum().item() == 0
    kiln.softmax(view, out=view.clone())
    return str(view.device)


def operator(device):
    p = Problem(device)
    torch.library.opcheck(torch.ops.kiln.paged_attention_decode, p.arguments)
    return p.check(torch.ops.kiln.paged_attention_decode(*p.arguments))


def compiled(device):
    p = Problem(device)
    function = torch.compile(lambda q, *rest: torch.ops.kiln.paged_attention_decode(q * 0.5, *rest, scale=2 * 128**-0.5) * 1, fullgraph=True)
    return p.check(function(*p.arguments))


def other_kernels(device):
    x, weight = torch.randn(33, 1000, device=device).half(), torch.randn(1000, device=device).half()
    a, b = torch.randn(100, 200, device=device).half(), torch.randn(200, 300, device=device).half()
    f = x.float()
    pairs = {"softmax": (kiln.softmax(x), f.softmax(-1)), "vector_add": (kiln.vector_add(x, x), f + f),
             "rms_norm": (kiln.rms_norm(x, weight), f * (f.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * weight.float()),
             "matmul": (kiln.matmul(a, b), a.float() @ b.float()), "matmul of columns": (kiln.matmul(b.t(), a.t()), (a.float() @ b.float()).t())}
    key, value = torch.randn(2, 5, 2, 64, device=device).half()
    caches = torch.zeros(2, 4, 8, 2, 64, device=device).half()
    slots = torch.tensor([31, 0, -1, 8, 17], device=device)
    kiln.kv_cache_store(key, value, *caches, slots)
    pairs["kv_cache_store"] = (caches[1].flatten(0, 1)[slots[[0, 1, 3, 4]]], value[[0, 1, 3, 4]].float())
    for name, (found, wanted) in pairs.items():
        if not torch.allclose(found.float(), wanted, rtol=1e-2, atol=2e-2):
            raise AssertionError(f"{name}: largest error {(found.float() - wanted).abs().max().item():.1e}")
    return ", ".join(pairs)


def capture(call):
    """A CUDA graph of call(), as PyTorch's documentation has it: after a first call in another stream."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph


def replays(p, graph, out):
    """Replays see the values, lengths and tables of their time."""
    said = ""
    for lens in ((1, 100, 0, 777, 1024), (1024, 1024, 1024, 1, 1), (3, 0, 16, 17, 500)):
        p.q.normal_()
        p.lens.copy_(torch.tensor(lens))
        out.fill_(float("nan"))
        for _ in range(3):
            graph.replay()
        said = p.check(out)
    return said


def in_a_graph(device):
    p = Problem(device)
    out = torch.empty_like(p.q)
    return replays(p, capture(lambda: kiln.paged_attention_decode(*p.arguments, out=out)), out)


def in_a_graph_with_a_workspace(device):
    p = Problem(device)
    out, workspace = torch.empty_like(p.q), kiln.paged_attention_workspace(*p.arguments)
    return replays(p, capture(lambda: kiln.paged_attention_decode(*p.arguments, out=out, workspace=workspace)), out)


def operator_in_a_graph(device):
    p = Problem(device)
    out = torch.empty_like(p.q)
    return replays(p, capture(lambda: out.copy_(torch.ops.kiln.paged_attention_decode(*p.arguments))), out)


def graphs_side_by_side(device):
    """Two graphs, replayed in two streams at a time beside eager calls: each has a workspace of its own."""
    problems = [Problem(device), Problem(device, lens=(4096,) * 3)]
    outs = [torch.empty_like(p.q) for p in problems]
    graphs = [capture(lambda p=p, out=out: kiln.paged_attention_decode(*p.arguments, out=out)) for p, out in zip(problems, outs)]
    streams = [torch.cuda.Stream() for _ in graphs]
    torch.cuda.synchronize()
    for _ in range(50):
        for graph, stream in zip(graphs, streams):
            with torch.cuda.stream(stream):
                graph.replay()
        last = kiln.paged_attention_decode(*problems[0].arguments)
    torch.cuda.synchronize()
    problems[0].check(last)
    return [p.check(out) for p, out in zip(problems, outs)][-1]


CHECKS = {"eager": eager, "DLPack": dlpack, "memory of Kiln's": from_kiln, "the other kernels": other_kernels, "operator": operator,
          "in a graph": in_a_graph, "in a graph with a workspace": in_a_graph_with_a_workspace, "operator in a graph": operator_in_a_graph,
          "graphs side by side": graphs_side_by_side, "torch.compile": compiled}

# ---- What a call costs


def stream_of(device):
    return 0 if device == "cpu" else torch.cuda.current_stream().cuda_stream


def costs_us(calls, device, times=100, turns=60):
    """Microseconds of the processor that each of the calls takes: the least of some averages, so that what else the machine does counts little.
    The calls take turns, so that it counts alike: after torch.compile, for one, processes of PyTorch's still start. The GPU is idle when a turn
    begins, and there is room for all of its calls in its queue."""
    best = [float("inf")] * len(calls)
    for _ in range(turns):
        for i, call in enumerate(calls):
            if device != "cpu":
                torch.cuda.synchronize()
            begin = time.perf_counter()
            for _ in range(times):
                call()
            best[i] = min(best[i], (time.perf_counter() - begin) / times)
    return [us * 1e6 for us in best]


def ways(device):
    """The ways into the library, each with a call that takes it. The problem is small, so that the GPU keeps up; on the CPU it is empty."""
    p = Problem(device, lens=(64, 64, 64, 64), page=16) if device != "cpu" else Problem(device, lens=(64,))
    q, k, v, table, lens = p.arguments
    if device == "cpu":
        q, table, lens = q[:0], table[:0], lens[:0]
    batch, width = table.shape
    out = torch.empty_like(q)
    heads, dim = q.shape[1:]
    step = kiln.PagedAttentionDecode(dtype="f16", heads=heads, kv_heads=k.shape[2], head_dim=dim, page_size=k.shape[1],
                                     device=device if device == "cpu" else "cuda:0")
    workspace = step.workspace(batch, width, q.stride(), k.stride(), v.stride(), table.stride(), out.stride())
    if device == "cpu":
        raw_stream = lambda: 0
    else:
        raw_stream = lambda: torch.cuda.current_stream().cuda_stream

    def direct():
        step(batch, width, q.data_ptr(), k.data_ptr(), v.data_ptr(), table.data_ptr(), lens.data_ptr(), out.data_ptr(), q.stride(), k.stride(),
             v.stride(), table.stride(), out.stride(), workspace)

    def direct_in_current_stream():
        step(batch, width, q.data_ptr(), k.data_ptr(), v.data_ptr(), table.data_ptr(), lens.data_ptr(), out.data_ptr(), q.stride(), k.stride(),
             v.stride(), table.stride(), out.stride(), workspace, raw_stream())

    foreign = [Foreign(x) for x in (q, k, v, table, lens)]
    foreign_out, stream = Foreign(out), stream_of(device)
    operator, operator_out = torch.ops.kiln.paged_attention_decode.default, torch.ops.kiln.paged_attention_decode_out.default
    return {
        "pointers and strides": direct,
        "pointers and strides, asking for the current stream": direct_in_current_stream,
        "tensors of PyTorch, out given": lambda: kiln.paged_attention_decode(q, k, v, table, lens, out=out),
        "tensors of PyTorch": lambda: kiln.paged_attention_decode(q, k, v, table, lens),
        "DLPack, out given": lambda: kiln.paged_attention_decode(*foreign, out=foreign_out, stream=stream),
        "torch.library, out given": lambda: operator_out(q, k, v, table, lens, out),
        "torch.library": lambda: operator(q, k, v, table, lens),
        "for comparison: torch.add, out given": lambda: torch.add(q, q, out=out),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--csv", type=pathlib.Path)
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device that PyTorch can use")
        return 77
    torch.set_grad_enabled(False)
    failed, rows = 0, []
    for name, check in CHECKS.items():
        if args.device == "cpu" and "graph" in name:
            continue
        begin = time.monotonic()
        try:
            said = check(args.device)
            print(f"pass  {name}: {said} ({time.monotonic() - begin:.1f} s)", flush=True)
        except Exception as error:
            failed += 1
            traceback.print_exc()
            print(f"FAIL  {name}: {type(error).__name__}: {error}", flush=True)
    print(f"\nmicroseconds of the processor in each call (torch {torch.__version__}, Python {sys.version.split()[0]})")
    named = ways(args.device)
    for call in named.values():
        call()
    for name, us in zip(named, costs_us(list(named.values()), args.device)):
        rows.append((name, f"{us:.2f}"))
        print(f"{us:8.2f}  {name}", flush=True)
    if args.csv:
        with args.csv.open("w", newline="") as file:
            csv.writer(file).writerows([("way", "us"), *rows])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
