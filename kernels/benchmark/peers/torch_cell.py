"""A decode problem in PyTorch's hands, its timing and its check: what the peers in Python share. The protocol is that of kiln-bench-gpu."""

import argparse
import csv
import math
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import decode_results as results

SEARCH_REPEATS, FINAL_REPEATS = 7, 30
CHECKED_TOKENS = 16384  # the reference checks the first sequence, and others up to so many tokens
L2_BYTES = 50_000_000


def sets_to_rotate(set_bytes):
    """How many sets overflow the cache: 256 MB in all, at most 600 sets."""
    return max(1, min(600, math.ceil(256e6 / set_bytes)))


class CellData:
    """A cell on a device: as many K and V as overflow the L2 cache, a shuffled table; K and V are [page, token, kv_head, dim]."""

    def __init__(self, cell, device="cuda"):
        self.cell, self.device = cell, device
        shape, lens = cell.shape, results.lengths(cell)
        dtype = torch.bfloat16 if shape.dtype == "bf16" else torch.float16
        pages = [-(-n // shape.page) for n in lens]
        self.width, total = max(pages), sum(pages)
        random = torch.Generator().manual_seed(1)
        order = torch.randperm(total, generator=random).to(torch.int32)
        table = torch.full((cell.batch, self.width), -1, dtype=torch.int32)
        for row, places in enumerate(torch.split(order, pages)):
            table[row, :pages[row]] = places
        self.table, self.lengths = table.to(device), torch.tensor(lens, dtype=torch.int32, device=device)
        cache = (total, shape.page, shape.kv_heads, shape.head_dim)
        self.sets = sets_to_rotate(2 * math.prod(cache) * dtype.itemsize) if device == "cuda" else 1
        torch.manual_seed(2)
        self.kv = [(torch.randn(cache, dtype=dtype, device=device), torch.randn(cache, dtype=dtype, device=device)) for _ in range(self.sets)]
        self.q = torch.randn(cell.batch, shape.kv_heads * shape.group, shape.head_dim, dtype=dtype, device=device)
        self.out = torch.empty_like(self.q)
        self.scale = shape.head_dim**-0.5
        self._expected = self._reference(lens)

    def _reference(self, lens):
        """In double precision on the host, for the first sequences."""
        s = self.cell.shape
        checked, tokens = 1, lens[0]
        while checked < len(lens) and (tokens := tokens + lens[checked]) <= CHECKED_TOKENS:
            checked += 1
        table, q = self.table[:checked].cpu().long(), self.q[:checked].cpu().double()
        expected = torch.empty(checked, s.kv_heads * s.group, s.head_dim, dtype=torch.float64)
        for b in range(checked):
            used = table[b, :-(-lens[b] // s.page)].to(self.device)
            k, v = (x[used].cpu().double().reshape(-1, s.kv_heads, s.head_dim)[:lens[b]] for x in self.kv[0])
            weights = (torch.einsum("kgd,nkd->kgn", q[b].view(s.kv_heads, s.group, s.head_dim), k) * self.scale).softmax(-1)
            expected[b] = torch.einsum("kgn,nkd->kgd", weights, v).reshape(-1, s.head_dim)
        return expected

    def error(self, call):
        """The largest absolute error of call(0), which writes `out`; NaN where it leaves one."""
        self.out.fill_(math.nan)
        call(0)
        return (self.out[:len(self._expected)].cpu().double() - self._expected).abs().max().item()

    def time_us(self, call, repeats, sets=None):
        """Microseconds of call(set): the median of replays of a graph of at least 8 calls that take turns with the sets."""
        sets = sets or self.sets
        calls = sets * math.ceil(8 / sets)
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for i in range(min(calls, 8)):
                call(i % sets)
            stream.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=stream):
                for i in range(calls):
                    call(i % sets)
            graph.replay()
            stream.synchronize()
            times = []
            for _ in range(repeats):
                begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                begin.record(stream)
                graph.replay()
                end.record(stream)
                end.synchronize()
                times.append(begin.elapsed_time(end) * 1e3 / calls)
        return sorted(times)[len(times) // 2]

    def sets_for_search(self):
        """Fewer sets, which still overflow the cache: for telling losers."""
        set_bytes = 2 * self.kv[0][0].numel() * self.kv[0][0].element_size()
        return min(self.sets, max(8, math.ceil(1.3 * L2_BYTES / set_bytes)))


def main(description, measure):
    """The command line of a peer. `measure(data)` yields (peer, us, error, config) for a CellData; us is NaN where there is none."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", action="append", required=True, metavar="MODE:BATCH:LENGTH")
    for option, default in (("--kv-heads", 8), ("--group", 4), ("--head-dim", 128), ("--page", 16)):
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--bf16", action="store_true")
    args = parser.parse_args()
    shape = results.Shape(args.kv_heads, args.group, args.head_dim, args.page, "bf16" if args.bf16 else "fp16")
    try:
        cells = [results.parse_cell(text, shape) for text in args.cell]
    except results.ResultsError as error:
        parser.error(str(error))
    if not torch.cuda.is_available():
        sys.exit("no CUDA device that PyTorch can use")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(results.COLUMNS)
    for cell in cells:
        data = CellData(cell)
        for peer, us, error, config in measure(data):
            wrong = "" if math.isnan(us) or error < shape.allowed_error() else " WRONG"
            writer.writerow(results.Row(peer, cell, us, cell.bytes() / us * 1e-3, error, config + wrong).fields())
            sys.stdout.flush()
        del data
        torch.cuda.empty_cache()
