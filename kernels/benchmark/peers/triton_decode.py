#!/usr/bin/env python3
"""Paged-attention decode in Triton: the heads of a group in one program, sequences split into parts, a second launch that merges them.
Block, warps, stages and parts are searched for each cell.

Prints a table of the columns of `kiln-bench-gpu decode`. Needs torch, triton and a CUDA GPU.
"""

import math
import sys

import torch_cell
import triton
import triton.language as tl

LOWEST = tl.constexpr(-1e30)  # finite, so that a difference of two is a number
CONFIGS = [dict(BLOCK=b, num_warps=w, num_stages=s)
           for b, w, s in ((32, 2, 4), (32, 4, 4), (64, 2, 3), (64, 4, 3), (64, 4, 4), (128, 4, 2), (128, 4, 3), (128, 8, 3))]
FINALISTS = 4


@triton.jit(do_not_specialize=["table_width", "parts"])
def attend_part(out, sums, values, q, key_cache, value_cache, table, lengths, scale_log2e, table_width, parts, KV_HEADS: tl.constexpr,
                DIM: tl.constexpr, DIM_PADDED: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr, PAGE: tl.constexpr, BLOCK: tl.constexpr,
                SPLIT: tl.constexpr):
    """A K/V head of a sequence, or a part of it with SPLIT: then its result is left in `values` and the base-2 log-sum-exp in `sums`."""
    kv_head, seq, part = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    length = tl.load(lengths + seq)
    begin, end = 0, length
    if SPLIT:
        share = tl.cdiv(tl.cdiv(length, parts), BLOCK) * BLOCK
        begin = tl.minimum(part * share, length)
        end = tl.minimum(begin + share, length)
    g, d = tl.arange(0, ROWS), tl.arange(0, DIM_PADDED)
    in_group, in_dim = g < GROUP, d < DIM
    head = (seq * KV_HEADS + kv_head) * GROUP + g  # of the whole batch
    inside = in_group[:, None] & in_dim[None, :]
    query = tl.load(q + head[:, None] * DIM + d[None, :], mask=inside, other=0.0)
    acc = tl.zeros([ROWS, DIM_PADDED], tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    largest = tl.full([ROWS], LOWEST, tl.float32)
    for start in range(begin, end, BLOCK):
        token = start + tl.arange(0, BLOCK)
        live = token < end
        page = tl.load(table + seq * table_width + token // PAGE, mask=live, other=0)
        row = ((page.to(tl.int64) * PAGE + token % PAGE) * KV_HEADS + kv_head) * DIM
        keys = tl.load(key_cache + row[None, :] + d[:, None], mask=live[None, :] & in_dim[:, None], other=0.0)
        scores = tl.where(live[None, :], tl.dot(query, keys) * scale_log2e, LOWEST)
        new_largest = tl.maximum(largest, tl.max(scores, 1))
        weights = tl.exp2(scores - new_largest[:, None])
        fade = tl.exp2(largest - new_largest)
        rows = tl.load(value_cache + row[:, None] + d[None, :], mask=live[:, None] & in_dim[None, :], other=0.0)
        acc = tl.dot(weights.to(rows.dtype), rows, acc * fade[:, None])
        total = total * fade + tl.sum(weights, 1)
        largest = new_largest
    result = acc / tl.where(total > 0, total, 1.0)[:, None]
    if SPLIT:
        place = head * parts + part
        tl.store(values + place[:, None] * DIM + d[None, :], result, mask=inside)
        tl.store(sums + place, largest + tl.log2(tl.where(total > 0, total, 1.0)), mask=in_group)
    else:
        tl.store(out + head[:, None] * DIM + d[None, :], result.to(out.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=["parts"])
def merge_parts(out, sums, values, parts, DIM: tl.constexpr, DIM_PADDED: tl.constexpr, PARTS: tl.constexpr):
    """A head of a sequence."""
    head = tl.program_id(0)
    p, d = tl.arange(0, PARTS), tl.arange(0, DIM_PADDED)
    of_part = tl.load(sums + head * parts + p, mask=p < parts, other=LOWEST)
    weights = tl.exp2(of_part - tl.max(of_part, 0))
    weights = weights / tl.sum(weights, 0)
    rows = tl.load(values + (head * parts + p)[:, None] * DIM + d[None, :], mask=(p < parts)[:, None] & (d < DIM)[None, :], other=0.0)
    tl.store(out + head * DIM + d, tl.sum(rows * weights[:, None], 0).to(out.dtype.element_ty), mask=d < DIM)


class Decode:
    """The launches for a cell. A config is those of CONFIGS and `parts`."""

    def __init__(self, data, most_parts):
        self.data, s = data, data.cell.shape
        rows = data.cell.batch * s.kv_heads * s.group * most_parts
        self.sums = data.q.new_empty(rows, dtype=torch_cell.torch.float32)
        self.values = data.q.new_empty(rows * s.head_dim, dtype=torch_cell.torch.float32)

    def launch(self, config, i):
        data, s = self.data, self.data.cell.shape
        tiles = {name: value for name, value in config.items() if name != "parts"}
        parts, padded = config["parts"], triton.next_power_of_2(s.head_dim)
        attend_part[(s.kv_heads, data.cell.batch, parts)](
            data.out, self.sums, self.values, data.q, *data.kv[i], data.table, data.lengths, data.scale * math.log2(math.e), data.width, parts,
            KV_HEADS=s.kv_heads, DIM=s.head_dim, DIM_PADDED=padded, GROUP=s.group, ROWS=max(16, triton.next_power_of_2(s.group)), PAGE=s.page, SPLIT=parts > 1, **tiles)
        if parts > 1:
            merge_parts[(data.cell.batch * s.kv_heads * s.group,)](
                data.out, self.sums, self.values, parts, DIM=s.head_dim, DIM_PADDED=padded, PARTS=triton.next_power_of_2(parts), num_warps=4)


def part_choices(cell, cores):
    """More than twelve programs a core, or parts of less than 64 tokens, never pay."""
    programs = cell.batch * cell.shape.kv_heads
    return [1] + [p for p in (2, 4, 8, 16, 32, 64, 128) if programs * p <= 12 * cores and cell.length >= 64 * p]


def measure(data):
    """Every config is checked and timed shortly; the best ones, at most FINALISTS, are timed by the protocol."""
    parts = part_choices(data.cell, torch_cell.torch.cuda.get_device_properties(0).multi_processor_count)
    decode, timed = Decode(data, parts[-1]), []
    for tiles in CONFIGS:
        for p in parts:
            config = {**tiles, "parts": p}
            call = lambda i: decode.launch(config, i)
            try:
                error = data.error(call)
            except triton.runtime.errors.OutOfResources:
                break
            if error < data.cell.shape.allowed_error():
                timed.append((data.time_us(call, 3, data.sets_for_search()), len(timed), config, error))
            else:
                print(f"triton: rejected {config}: the largest error is {error}", file=sys.stderr)
    if not timed:
        raise SystemExit("triton: no config is right")
    finalists = [(data.time_us(lambda i: decode.launch(config, i), torch_cell.SEARCH_REPEATS), n, config, error) for _, n, config, error in sorted(timed)[:FINALISTS]]
    _, _, config, error = min(finalists)
    us = data.time_us(lambda i: decode.launch(config, i), torch_cell.FINAL_REPEATS)
    yield f"triton-{triton.__version__}", us, error, " ".join(f"{name}={value}" for name, value in config.items())


if __name__ == "__main__":
    torch_cell.main(__doc__, measure)
