"""How fast is the in-silico library, and how much memory does it take?

    python benchmarks/simulate.py [promoters] [threads]

Prints promoters a second from random numbers to files on disk, the peak memory of the process, and, from the same run
and on one thread, how much faster expression is computed from tables of half sites than by the plain way: a convolution
of the one-hot sequence with the 128 energy matrices, a sigmoid, and the same sums (both float32 in torch, 2,048
promoters, best of five).
"""
import sys
import tempfile
import time

import torch

from kept import keep, ratio
from promoter_nb.data.machine import peak_memory_mb
from promoter_nb.data.sequence import one_hot
from promoter_nb.simulate.expression import _constants, _cooperation, drive_sums
from promoter_nb.simulate.library import write_library
from promoter_nb.simulate.occupancy import load_factors
from promoter_nb.simulate.oligos import block_generator, contexts, random_cores


def plain_sums(context, tile=32):
    factors, ((activation, opening), members, kernels) = load_factors(), _constants("cpu")
    energies = (factors.sharpness[:, None, None, None]*factors.energies).transpose(1, 0, 2, 3).reshape(128, 4, 12)
    energies, abundance = torch.from_numpy(energies).float(), torch.from_numpy(factors.abundance).float().tile(2)
    sums = []
    for part in context.split(tile):
        taken = torch.sigmoid(torch.nn.functional.conv1d(one_hot(part), energies, abundance)
                              ).transpose(1, 2).contiguous()
        pairs = _cooperation(taken.unflatten(2, (2, -1)), members, kernels)
        sums.append(torch.stack([taken.flatten(1) @ activation, taken.flatten(1) @ opening, pairs], dim=1))
    return torch.cat(sums)


def best_time(function, *arguments, repeats=5):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


def main(promoters=1_000_000, threads=2):
    with tempfile.TemporaryDirectory() as folder:
        start, busy = time.perf_counter(), time.process_time()
        write_library(folder, promoters, threads=threads, progress=False)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
    print(f"{promoters:,} promoters in {seconds:.1f} s on {threads} threads: {promoters/seconds:,.0f} promoters/s "
          f"({busy:.1f} s of processor time)")
    memory = peak_memory_mb()
    print(f"peak memory {memory:,.0f} MB")
    torch.set_num_threads(1)
    cores = random_cores(2048, block_generator(0, 0, "oligos"))
    context = torch.from_numpy(contexts(cores[(cores != 4).sum(1) >= 80]))
    assert torch.allclose(drive_sums(context), plain_sums(context), atol=1e-3)
    tables, plain = best_time(drive_sums, context), best_time(plain_sums, context)
    keep("simulate", [ratio("expression from tables", len(context)/tables, len(context)/plain, "convolution")],
         promoters=promoters, seconds=seconds, megabytes=memory)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
