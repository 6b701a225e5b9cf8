"""The network that train fits, in eager PyTorch: rows a second by device, width and batch.

Needs PyTorch; a GPU is measured where there is one. The step is that of `crates/training/src/torch.rs`:
rows gathered by index on the device, dropout, binary cross-entropy, Adam.
"""

from __future__ import annotations

import time

import torch
from torch import nn

INPUTS = 100


def rows_per_second(device: str, rows: int, hidden: list[int], batch: int, epochs: int) -> float:
    torch.manual_seed(1)
    layers: list[nn.Module] = []
    width = INPUTS
    for units in hidden:
        layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(0.1)]
        width = units
    network = nn.Sequential(*layers, nn.Linear(width, 1)).to(device)
    x = torch.randn(rows, INPUTS, device=device)
    y = (x[:, :1] * x[:, 1:2] > 0).float()
    base = torch.zeros_like(y)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, weight_decay=1e-4)
    loss_of = nn.BCEWithLogitsLoss()

    def epoch() -> None:
        order = torch.randperm(rows, device=device)
        for pick in order.split(batch):
            optimizer.zero_grad(set_to_none=True)
            scores = network(x.index_select(0, pick)) + base.index_select(0, pick)
            loss_of(scores, y.index_select(0, pick)).backward()
            optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    epoch()
    started = time.perf_counter()
    for _ in range(epochs):
        epoch()
    return rows * epochs / (time.perf_counter() - started)


def main() -> None:
    torch.set_num_threads(1)
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        for rows, hidden, batch in ((20_000, [64], 256), (20_000, [64, 32], 256), (200_000, [64, 32], 4096)):
            rate = rows_per_second(device, rows, hidden, batch, epochs=4)
            print(f"{device}: {rows} rows, hidden {hidden}, batches of {batch}: {rate:,.0f} rows/s", flush=True)


if __name__ == "__main__":
    main()
