#!/usr/bin/env python3
"""Paged-attention decode in PyTorch, twice: gathering a page at a time, with an online softmax over pages; and gathering each sequence as a
whole into a dense array, for scaled_dot_product_attention.

Prints a table of the columns of `kiln-bench-gpu decode`. Needs torch and a CUDA GPU.
"""

import math

import torch
import torch_cell

# A step of a page takes about ten launches, and a graph of more than some 100,000 takes longer to record than it is worth.
MOST_PAGES, MOST_STEPS = 512, 8192


def by_page(data, i):
    """One page of every sequence at a time."""
    (k_cache, v_cache), s, batch = data.kv[i], data.cell.shape, data.cell.batch
    q = data.q.view(batch, s.kv_heads, s.group, s.head_dim)
    largest = q.new_full((batch, s.kv_heads, s.group, 1), -1e30, dtype=torch.float32)
    total = torch.zeros_like(largest)
    acc = q.new_zeros((batch, s.kv_heads, s.group, s.head_dim), dtype=torch.float32)
    slots = torch.arange(s.page, device=q.device)
    for number in range(data.width):
        page = data.table[:, number].clamp(min=0)
        k, v = k_cache[page].permute(0, 2, 3, 1), v_cache[page].permute(0, 2, 1, 3)
        live = (number * s.page + slots < data.lengths[:, None])[:, None, None, :]
        scores = torch.where(live, (q @ k).float() * data.scale, -2e30)
        new_largest = torch.maximum(largest, scores.amax(-1, keepdim=True))
        weights = torch.exp(scores - new_largest)
        fade = torch.exp(largest - new_largest)
        acc = acc * fade + (weights.to(v.dtype) @ v).float()
        total = total * fade + weights.sum(-1, keepdim=True)
        largest = new_largest
    data.out.copy_((acc / total).view_as(data.out))


def by_sequence(data, i):
    """All pages of every sequence, padded to the longest one."""
    s, batch = data.cell.shape, data.cell.batch
    pages = data.table.clamp(min=0).view(-1)
    k, v = (x.index_select(0, pages).view(batch, data.width * s.page, s.kv_heads, s.head_dim).transpose(1, 2) for x in data.kv[i])
    live = torch.arange(data.width * s.page, device=pages.device) < data.lengths[:, None]
    mask = live[:, None, None, :].expand(batch, s.kv_heads, s.group, -1)
    q = data.q.view(batch, s.kv_heads, s.group, s.head_dim)
    data.out.copy_(torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=data.scale).view_as(data.out))


def measure(data):
    name = f"torch-{torch.__version__.split('+')[0]}"
    for what, function, steps in (("pages", by_page, data.width), ("sequences", by_sequence, 1)):
        peer = f"{name} {what}"
        if steps > MOST_PAGES or steps * data.sets > MOST_STEPS:
            yield peer, math.nan, math.nan, f"missing: {steps} pages one after the other are too many for a graph"
            continue
        call = lambda i: function(data, i)
        try:
            error = data.error(call)
            yield peer, data.time_us(call, 20), error, what
        except RuntimeError as error:  # out of memory, mostly; the other cells may do
            yield peer, math.nan, math.nan, f"missing: {str(error).splitlines()[0]}"


if __name__ == "__main__":
    torch_cell.main(__doc__, measure)
