"""Which operations a step of training spends its time on, how near it comes to the processor's matrix rate, and what
it gains by memory that stays with the process.

    python benchmarks/step.py [network] [rows] [steps]
"""
import os
import sys
import time

import pandas as pd
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from kept import keep, ratio
from promoter_nb.data.machine import keep_freed_memory
from promoter_nb.models.registry import build
from promoter_nb.training.precision import choose_precision
from promoter_nb.training.predict import make_fabric

os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # otherwise the profiler says when it starts and stops


def matrix_rate(precision, size=1024, repeats=20):
    "Floating-point operations a second, on the CPU, of a product of two square matrices."
    a = torch.rand(size, size)
    with make_fabric("cpu", precision=precision).autocast(): a = a.to((a @ a).dtype)
    a @ a
    started = time.perf_counter()
    for _ in range(repeats): a @ a
    return repeats*2*size**3/(time.perf_counter() - started)


def training_step(model, precision, rows=256, width=80):
    "A function that takes one step on a batch of random promoters, as the engine takes it."
    fabric = make_fabric("cpu", precision=precision)
    sequences = nn.functional.one_hot(torch.randint(4, (rows, width)), 4).movedim(2, 1).float()
    labels, optimizer = torch.rand(rows)*18, torch.optim.AdamW(model.parameters())

    def step():
        optimizer.zero_grad()
        with fabric.autocast(): loss = model.train()(sequences, labels).mean()
        loss.backward()
        optimizer.step()
    return step


def time_by_operation(step, steps=5):
    "A table by operation, the slowest first: share of the time, milliseconds and calls a step."
    step()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(steps): step()
    rows = [(event.key.removeprefix("aten::"), event.self_cpu_time_total/1000/steps, event.count/steps)
            for event in seen.key_averages()]
    found = pd.DataFrame(rows, columns=["operation", "milliseconds", "calls"]).set_index("operation")
    found = found.assign(share=found.milliseconds/found.milliseconds.sum())[["share", "milliseconds", "calls"]]
    return found.sort_values("milliseconds", ascending=False)


def operations_a_second(step, steps=5):
    "Floating-point operations a second, of the fastest of some steps."
    with FlopCounterMode(display=False) as counter: step()

    def seconds():
        started = time.perf_counter()
        step()
        return time.perf_counter() - started
    return counter.get_total_flops()/min(seconds() for _ in range(steps))


def main(network="resnet", rows=256, steps=5):
    model = build(network)
    precision = choose_precision("cpu")
    step = training_step(model, precision, int(rows))
    print(time_by_operation(step, int(steps)).head(12).round(3).to_string())
    handed_back = operations_a_second(step, int(steps))/1e9
    keep_freed_memory()
    rates = [rate/1e9 for rate in (operations_a_second(step, int(steps)), matrix_rate(precision))]
    keep("step", [ratio(f"step of {network} in {precision}", *rates, "matrix product", "GFLOP/s"),
                  ratio("step that keeps freed memory", rates[0], handed_back, "handing it back", "GFLOP/s")])


if __name__ == "__main__": main(*sys.argv[1:])
