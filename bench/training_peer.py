"""The mb4-24k net, dense, in PyTorch on one thread for bench/training.ts: the gate terms, the inputs' products and the heads are
one large product each over all steps; only the recurrence is a loop. argv: a description (JSON) and the numbers it points into.
Each line in names the recurrence to use, `cell` or `gru`; each line out is CPU seconds of one update and its loss before it."""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_flush_denormal(True)
description = json.load(open(sys.argv[1]))
numbers = np.fromfile(sys.argv[2], dtype=np.float32)
H, K, C, D, BANDS, LANES, STEPS_PER_FRAME = (
    description[k] for k in ("hidden", "headHidden", "conditioning", "inputs", "bands", "lanes", "stepsPerFrame")
)


def block_matrix(s):
    """[rows / 16][columns][16] -> [rows, columns]; one row is a vector."""
    flat = numbers[s["offset"] : s["offset"] + s["size"]]
    if s["rows"] == 1:
        return torch.tensor(flat)
    return torch.tensor(flat.reshape(s["rows"] // 16, s["columns"], 16).transpose(0, 2, 1).reshape(s["rows"], s["columns"]))


def lanes_first(name, per_step):
    """[groups, steps, n, 16] -> [steps, groups * 16, n]."""
    from_, size, groups = description["batch"][name], description["batch"][name + "Size"], description["groups"]
    array = numbers[from_ : from_ + size].reshape(groups, -1, per_step, LANES)
    return torch.tensor(array.transpose(1, 0, 3, 2).reshape(array.shape[1], groups * LANES, per_step).copy())


given = {s["name"]: block_matrix(s) for s in description["segments"]}
gates = ("reset", "update", "candidate")
p = {
    "recurrent": torch.cat([given[f"gru.recurrent.{g}"] for g in gates]),
    "input": torch.cat([given[f"gru.input.{g}"] for g in gates]),
    **{n: w for n, w in given.items() if not n.startswith("gru.")},
}
for w in p.values():
    w.requires_grad_()
inputs, targets = lanes_first("inputs", D), lanes_first("targets", BANDS)
frames = lanes_first("frames", description["features"])
weights = lanes_first("weights", 1)[..., 0].repeat_interleave(STEPS_PER_FRAME, 0)
optimizer = torch.optim.Adam(p.values(), lr=1e-3, betas=(0.9, 0.99))


def conditioning():
    """Gate terms of every frame, [frames, B, 3H]."""
    first = torch.tanh(F.linear(frames, p["conditioning.0.weight"], p["conditioning.0.bias"]))
    three = torch.cat([first[:-2], first[1:-1], first[2:]], -1)
    second = torch.tanh(F.linear(three, p["conditioning.1.weight"], p["conditioning.1.bias"]))
    return second


def recurrence_cell(h):
    """One product with the recurrent weights a step, r * (R h) in the candidate."""
    c = F.linear(conditioning(), p["conditioning.2.weight"], p["conditioning.2.bias"])
    terms = F.linear(inputs, p["input"]) + c.repeat_interleave(STEPS_PER_FRAME, 0)
    recurrent, states = p["recurrent"].t(), []
    for step in terms.unbind(0):
        rz, n = step.split((2 * H, H), -1)
        hidden_rz, hidden_n = (h @ recurrent).split((2 * H, H), -1)
        r, z = torch.sigmoid(rz + hidden_rz).chunk(2, -1)
        n = torch.tanh(n + r * hidden_n)
        h = torch.lerp(n, h, z)
        states.append(h)
    return torch.stack(states)


def recurrence_gru(h):
    """torch.nn.GRU's own loop; the frame's second layer comes in beside the step's inputs."""
    x = torch.cat([inputs, conditioning().repeat_interleave(STEPS_PER_FRAME, 0)], -1)
    w = torch.cat([p["input"], p["conditioning.2.weight"]], -1)
    none = torch.zeros(3 * H)
    return torch.gru(x, h[None], (w, p["recurrent"], p["conditioning.2.bias"], none), True, 1, 0.0, True, False, False)[0]


def loss_of(h):
    """Mean negative log density in nats a step, the sum over bands."""
    u = F.linear(h, p["head.hidden"], p["head.hidden.bias"])
    total = 0
    for b in range(BANDS):
        seen = torch.cat([inputs, targets[..., :b]], -1)
        hidden = torch.relu(u[..., b * K : (b + 1) * K] + F.linear(seen, p[f"head.step.{b}.weight"]))
        out = F.linear(hidden, p[f"head.output.{b}.weight"], p[f"head.output.{b}.bias"])
        logits, means, scales = out[..., :4], out[..., 4:8], out[..., 8:12].clamp(-7, 4)
        means = means + (seen @ p[f"head.skip.{b}.weight"])[..., None]
        z = (targets[..., b : b + 1] - means) * torch.exp(-scales)
        density = F.logsigmoid(z) + F.logsigmoid(-z) - scales + torch.log_softmax(logits, -1)
        total = total - (torch.logsumexp(density, -1) * weights).sum()
    return total / weights.sum()


for line in sys.stdin:
    recurrence = {"cell": recurrence_cell, "gru": recurrence_gru}[line.strip()]
    started = time.process_time()
    optimizer.zero_grad()
    loss = loss_of(recurrence(torch.zeros(inputs.shape[1], H)))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(p.values(), 1)
    optimizer.step()
    print(time.process_time() - started, loss.item(), flush=True)
