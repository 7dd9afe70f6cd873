"""
A dense net of the vocoder's shape in PyTorch, for bench/engines.ts: one update, with clipping and Adam, a line of standard
input, `SEQUENCES STEPS`; answers `WALL CPU` in seconds, or `error WHY`. On CUDA the GRU is cuDNN's. Data and weights are random; the
mixture's loss is the real one (docs/reference/net.md).

    python torch-gru.py HIDDEN INPUTS THREADS
"""
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

hidden, inputs, threads = map(int, sys.argv[1:4])
BANDS, HEAD, COND, FEATURES, FRAME = 4, 32, 128, 66, 30
torch.manual_seed(1)
torch.set_num_threads(threads)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conditioning = nn.ModuleList([nn.Conv1d(FEATURES, COND, 1), nn.Conv1d(COND, COND, 3)])
        # The third layer of the conditioning net is the part of the GRU's input weights that sees it.
        self.gru = nn.GRU(inputs + COND, hidden, batch_first=True)
        self.head = nn.Linear(hidden, BANDS * HEAD)
        self.step = nn.ModuleList([nn.Linear(inputs + b, HEAD, bias=False) for b in range(BANDS)])
        self.skip = nn.ModuleList([nn.Linear(inputs + b, 1, bias=False) for b in range(BANDS)])
        self.output = nn.ModuleList([nn.Linear(HEAD, 12) for _ in range(BANDS)])

    def forward(self, x, e, frames, state):
        """x [n, steps, inputs], e [n, steps, 4], frames [n, 66, steps / 30 + 2], state [1, n, hidden] -> loss"""
        c = frames
        for layer in self.conditioning:
            c = torch.tanh(layer(c))
        c = c.transpose(1, 2).repeat_interleave(FRAME, 1)
        h, _ = self.gru(torch.cat([x, c], 2), state)
        units = self.head(h)
        loss = 0
        for b in range(BANDS):
            seen = torch.cat([x, e[..., :b]], 2)
            u = F.relu(units[..., b * HEAD : (b + 1) * HEAD] + self.step[b](seen))
            logits, means, scales = self.output[b](u).split(4, 2)
            scales = scales.clamp(-7, 4)
            v = (e[..., b : b + 1] - means - self.skip[b](seen)) * torch.exp(-scales)
            density = -v.abs() - 2 * F.softplus(-v.abs()) - scales
            loss = loss - torch.logsumexp(F.log_softmax(logits, 2) + density, 2).mean()
        return loss


net = Net().to(device)
adam = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.99))
name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {threads} threads"
print(f"PyTorch {torch.__version__}, dense, {name}", flush=True)
made = {}
for line in sys.stdin:
    n, steps = map(int, line.split())
    try:
        if (n, steps) not in made:
            made.clear()
            sizes = [(n, steps, inputs), (n, steps, BANDS), (n, FEATURES, steps // FRAME + 2), (1, n, hidden)]
            made[n, steps] = [torch.randn(size, device=device) for size in sizes]
        if device.type == "cuda":
            torch.cuda.synchronize()
        wall, cpu = time.perf_counter(), time.process_time()
        net.zero_grad(set_to_none=True)
        net(*made[n, steps]).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        adam.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)
    except RuntimeError as error:
        # Out of memory above all: more sequences are not asked for.
        print("error", str(error).splitlines()[0], flush=True)
