#!/usr/bin/env python3
"""A matrix product in Triton and in PyTorch, by the protocol of `kiln-bench-gpu matmul`, as CSV of the same columns.

Needs torch, triton and a CUDA GPU.
"""

import argparse
import datetime
import math

import torch
import triton
import triton.language as tl

from triton_rows import FINAL_REPEATS, SEARCH_REPEATS, graph_us


@triton.jit
def matmul_kernel(a, b, out, m, n, k, a_row, b_row, out_row, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr):
    pid = tl.program_id(0)
    tiles_m = tl.cdiv(m, BLOCK_M)
    in_group = GROUP * tl.cdiv(n, BLOCK_N)
    first = pid // in_group * GROUP
    group = tl.minimum(tiles_m - first, GROUP)
    rows = (first + pid % in_group % group) * BLOCK_M + tl.arange(0, BLOCK_M)
    cols = pid % in_group // group * BLOCK_N + tl.arange(0, BLOCK_N)
    step = tl.arange(0, BLOCK_K)
    x = a + rows[:, None] * a_row + step[None, :]
    y = b + step[:, None] * b_row + cols[None, :]
    acc = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for start in range(0, k, BLOCK_K):
        live = step < k - start
        left = tl.load(x, mask=(rows < m)[:, None] & live[None, :], other=0.0)
        right = tl.load(y, mask=live[:, None] & (cols < n)[None, :], other=0.0)
        acc = tl.dot(left, right, acc)
        x += BLOCK_K
        y += BLOCK_K * b_row
    tl.store(out + rows[:, None] * out_row + cols[None, :], acc.to(out.dtype.element_ty), mask=(rows < m)[:, None] & (cols < n)[None, :])


def configs():
    for block_m, block_n, block_k, warps, stages in [(128, 128, 64, 4, 3), (128, 256, 64, 8, 3), (128, 256, 64, 8, 4), (128, 256, 32, 8, 4)]:
        yield dict(BLOCK_M=block_m, BLOCK_N=block_n, BLOCK_K=block_k, GROUP=8, num_warps=warps, num_stages=stages)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in "mnk":
        parser.add_argument(f"--{name}", type=int, default=8192)
    parser.add_argument("--fp16", action="store_true")
    options = parser.parse_args()
    m, n, k = options.m, options.n, options.k
    dtype = torch.float16 if options.fp16 else torch.bfloat16
    torch.manual_seed(0)
    a, b = torch.randn(m, k, dtype=dtype, device="cuda"), torch.randn(k, n, dtype=dtype, device="cuda")
    out = torch.empty(m, n, dtype=dtype, device="cuda")
    sets = 1  # the operands of the usual sizes overflow the cache by themselves
    expected = torch.matmul(a[:64].double(), b.double())
    where = f"{torch.cuda.get_device_name()},{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}"

    def report(peer, us, config):
        error = ((out[:64].double() - expected).abs() / (expected.abs() + 0.1 * math.sqrt(k))).max().item()
        print(f"{peer},{where},{'fp16' if options.fp16 else 'bf16'},{m},{n},{k},row,row,{us:.1f},{2 * m * n * k / us * 1e-6:.1f},{error:.1e},{config}", flush=True)

    def launch(config):
        grid = (triton.cdiv(m, config["BLOCK_M"]) * triton.cdiv(n, config["BLOCK_N"]),)
        matmul_kernel[grid](a, b, out, m, n, k, a.stride(0), b.stride(0), out.stride(0), **config)

    print("peer,gpu,date,dtype,m,n,k,a,b,us,TFLOPs,max_err,config")
    report("torch", graph_us(sets, FINAL_REPEATS, lambda _: torch.matmul(a, b, out=out)), "")
    best = min(configs(), key=lambda config: graph_us(sets, SEARCH_REPEATS, lambda _: launch(config)))
    report("triton", graph_us(sets, FINAL_REPEATS, lambda _: launch(best)), " ".join(f"{k}={v}" for k, v in best.items()))


if __name__ == "__main__":
    main()
