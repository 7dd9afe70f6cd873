"""Trains the net of letters to sounds on what train-letter-to-sound.mjs has aligned:

    python scripts/text/train-letter-net.py FOLDER [--epochs 6] [--resume 2]

Reads FOLDER/aligned.json, writes FOLDER/net.json and FOLDER/net.bin. Needs PyTorch and NumPy, one core, about half an
hour. An encoder sees the whole word: a window of letters looked up in tables, then convolutions and self-attention. The
label of a letter follows from its encoding, the three labels before it and the state of the stress. src/text/languages/en/
letter-net.ts runs the same layers. Words of one length make a batch, so that nothing is padded.
"""
import argparse
import json
import math
import os
import random
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

CHANNELS = 160
JOINT = 128
HEADS = 4
WINDOW = 7  # letters looked up around each letter
WIDTH = 5  # of the convolutions
LAYERS = ("conv", "conv", "attention", "conv", "attention", "conv")
CONTEXT = 3  # labels before
STATES = 10  # primary stress has come, by syllables since the last stress
EDGE = 26  # the row before and after a word
LETTERS = 27


class Net(nn.Module):
    def __init__(self, labels, dropout):
        super().__init__()
        self.dropout = dropout
        # One table for each place in the window; its last row stands for what lies outside the word.
        self.tables = nn.Parameter(torch.randn(WINDOW, LETTERS, CHANNELS) * 0.3)
        self.first_norm = nn.LayerNorm(CHANNELS)
        self.blocks = nn.ModuleList()
        for kind in LAYERS:
            block = nn.ModuleDict({"norm": nn.LayerNorm(CHANNELS)})
            if kind == "conv":
                block["conv"] = nn.Linear(WIDTH * CHANNELS, CHANNELS)
            else:
                block["qkv"] = nn.Linear(CHANNELS, 3 * CHANNELS)
                block["out"] = nn.Linear(CHANNELS, CHANNELS)
            self.blocks.append(block)
        self.joint = nn.Linear(CHANNELS, JOINT)
        self.context = nn.Parameter(torch.randn(CONTEXT, labels, JOINT) * 0.1)
        self.state = nn.Parameter(torch.randn(STATES, JOINT) * 0.1)
        self.out = nn.Linear(JOINT, labels)

    def drop(self, x):
        return F.dropout(x, self.dropout, self.training)

    def encode(self, letters):
        """letters [words, length] -> [words, length + 2, JOINT], the row before and after the word included."""
        words, length = letters.shape
        edge = torch.full((words, 1), EDGE)
        pad = torch.full((words, WINDOW // 2), EDGE)
        rows = torch.cat([pad, edge, letters, edge, pad], 1)
        n = length + 2
        x = sum(F.embedding(rows[:, k : k + n], self.tables[k]) for k in range(WINDOW))
        x = self.drop(self.first_norm(torch.relu(x)))
        for kind, block in zip(LAYERS, self.blocks):
            if kind == "conv":
                padded = F.pad(x, (0, 0, WIDTH // 2, WIDTH // 2))
                windows = torch.cat([padded[:, k : k + n] for k in range(WIDTH)], 2)
                y = torch.relu(block["conv"](windows))
            else:
                q, k, v = (
                    part.view(words, n, HEADS, -1).transpose(1, 2) for part in block["qkv"](x).chunk(3, 2)
                )
                scores = (q @ k.transpose(2, 3)) / math.sqrt(CHANNELS / HEADS)
                y = block["out"]((self.drop(torch.softmax(scores, 3)) @ v).transpose(1, 2).reshape(words, n, CHANNELS))
            x = block["norm"](x + self.drop(y))
        return self.joint(x)

    def score(self, encoded, before, state):
        """encoded [.., JOINT], before [.., CONTEXT] labels, state [..] -> scores of all labels."""
        z = encoded + F.embedding(state, self.state)
        for k in range(CONTEXT):
            z = z + F.embedding(before[..., k], self.context[k])
        return self.out(self.drop(torch.tanh(z)))


def stress_tables(pairs):
    """Of each label: whether it has a vowel, a stress of any kind, a primary stress."""
    vowels = set("AIOWYiu&Eac@e3xUV^!")
    sounds = [pair.split("\t")[1] for pair in pairs]
    primary = [("'" in s) for s in sounds]
    stressed = [("'" in s or "," in s) for s in sounds]
    vowel = [stressed[i] or any(c in vowels for c in s) for i, s in enumerate(sounds)]
    return vowel, stressed, primary


def next_state(state, label, tables):
    """State: 5 * (primary stress has come) + 0 no vowel yet, 1 the last was stressed, 2 one since, 3 more, 4 none was."""
    vowel, stressed, primary = tables
    come, since = divmod(state, 5)
    if stressed[label]:
        since = 1
        come = 1 if primary[label] else come
    elif vowel[label]:
        since = 4 if since in (0, 4) else min(3, since + 1)
    return 5 * come + since


def batches(items, size, shuffle):
    by_length = {}
    for item in items:
        by_length.setdefault(len(item[0]), []).append(item)
    out = []
    for length, group in by_length.items():
        if shuffle:
            random.shuffle(group)
        step = max(1, size // length)
        out += [group[i : i + step] for i in range(0, len(group), step)]
    if shuffle:
        random.shuffle(out)
    return out


def tensors(batch, tables):
    letters = torch.tensor([[ord(c) - 97 for c in word] for word, _ in batch])
    labels = torch.tensor([item for _, item in batch])
    start = torch.zeros(len(batch), CONTEXT, dtype=torch.long)
    history = torch.cat([start, labels], 1)
    length = labels.shape[1]
    before = torch.stack([history[:, CONTEXT - 1 - k : CONTEXT - 1 - k + length] for k in range(CONTEXT)], 2)
    states = []
    for _, item in batch:
        state, row = 0, []
        for label in item:
            row.append(state)
            state = next_state(state, label, tables)
        states.append(row)
    return letters, labels, before, torch.tensor(states)


@torch.no_grad()
def greedy_errors(net, items, sounds, allowed, tables):
    net.eval()
    wrong = 0
    for batch in batches(items, 4096, False):
        letters = torch.tensor([[ord(c) - 97 for c in word] for word, _ in batch])
        encoded = net.encode(letters)
        history = torch.zeros(len(batch), CONTEXT, dtype=torch.long)
        state = [0] * len(batch)
        said = [""] * len(batch)
        for i in range(letters.shape[1]):
            scores = net.score(encoded[:, i + 1], history, torch.tensor(state)) + allowed[letters[:, i]]
            best = scores.argmax(1)
            history = torch.cat([best[:, None], history[:, :-1]], 1)
            for w, label in enumerate(best.tolist()):
                said[w] += sounds[label]
                state[w] = next_state(state[w], label, tables)
        wrong += sum(s != reference for s, (_, reference) in zip(said, batch))
    net.train()
    return wrong / len(items)


def save(net, folder):
    """Matrices as bytes with a scale for each output column; the rest as 32-bit floats."""
    header, blobs = [], []

    def put(name, tensor, columns_last=True):
        values = tensor.detach().numpy().astype(np.float32)
        if values.ndim == 1:
            header.append({"name": name, "shape": list(values.shape), "type": "f32"})
            blobs.append(values.tobytes())
            return
        scale = np.abs(values).reshape(-1, values.shape[-1]).max(0) / 127 + 1e-12
        header.append({"name": name, "shape": list(values.shape), "type": "i8"})
        blobs.append(scale.astype(np.float32).tobytes() + np.rint(values / scale).astype(np.int8).tobytes())

    put("tables", net.tables)
    put("norm.scale", net.first_norm.weight)
    put("norm.shift", net.first_norm.bias)
    for i, (kind, block) in enumerate(zip(LAYERS, net.blocks)):
        for name in ("conv",) if kind == "conv" else ("qkv", "out"):
            put(f"{i}.{name}.weight", block[name].weight.T)
            put(f"{i}.{name}.bias", block[name].bias)
        put(f"{i}.norm.scale", block["norm"].weight)
        put(f"{i}.norm.shift", block["norm"].bias)
    put("joint.weight", net.joint.weight.T)
    put("joint.bias", net.joint.bias)
    put("context", net.context)
    put("state", net.state)
    # Scores of a label: one row of JOINT weights, so that its scale belongs to a place in the row.
    put("out.weight", net.out.weight)
    put("out.bias", net.out.bias)
    with open(os.path.join(folder, "net.json"), "w") as file:
        json.dump({"layers": LAYERS, "heads": HEADS, "tensors": header}, file)
    with open(os.path.join(folder, "net.bin"), "wb") as file:
        file.write(b"".join(blobs))


def load(net, folder):
    """Inverse of `save`."""
    with open(os.path.join(folder, "net.json")) as file:
        header = json.load(file)["tensors"]
    with open(os.path.join(folder, "net.bin"), "rb") as file:
        data = file.read()
    at, values = 0, {}
    for item in header:
        count = int(np.prod(item["shape"]))
        if item["type"] == "f32":
            values[item["name"]] = np.frombuffer(data, np.float32, count, at).copy()
            at += 4 * count
        else:
            width = item["shape"][-1]
            scale = np.frombuffer(data, np.float32, width, at)
            bytes_ = np.frombuffer(data, np.int8, count, at + 4 * width).reshape(item["shape"])
            values[item["name"]] = bytes_.astype(np.float32) * scale
            at += 4 * width + count
    get = lambda name: torch.from_numpy(values[name])
    with torch.no_grad():
        net.tables.copy_(get("tables"))
        net.first_norm.weight.copy_(get("norm.scale"))
        net.first_norm.bias.copy_(get("norm.shift"))
        for i, (kind, block) in enumerate(zip(LAYERS, net.blocks)):
            for name in ("conv",) if kind == "conv" else ("qkv", "out"):
                block[name].weight.copy_(get(f"{i}.{name}.weight").T)
                block[name].bias.copy_(get(f"{i}.{name}.bias"))
            block["norm"].weight.copy_(get(f"{i}.norm.scale"))
            block["norm"].bias.copy_(get(f"{i}.norm.shift"))
        net.joint.weight.copy_(get("joint.weight").T)
        net.joint.bias.copy_(get("joint.bias"))
        net.context.copy_(get("context"))
        net.state.copy_(get("state"))
        net.out.weight.copy_(get("out.weight"))
        net.out.bias.copy_(get("out.bias"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--hold", type=int, default=2, help="epochs before the rate falls")
    parser.add_argument("--resume", type=int, default=0, help="epochs that FOLDER/net.bin has behind it")
    parser.add_argument("--batch", type=int, default=2400, help="letters")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--dropout", type=float, default=0.1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(5)
    random.seed(5)
    with open(os.path.join(args.folder, "aligned.json")) as file:
        data = json.load(file)
    pairs = data["pairs"]
    sounds = [pair.split("\t")[1] for pair in pairs]
    tables = stress_tables(pairs)
    allowed = torch.full((LETTERS, len(pairs)), -1e9)
    for label, pair in enumerate(pairs):
        if label > 1:
            allowed[ord(pair[0]) - 97, label] = 0
    words = [(word, labels) for word, labels in data["words"]]
    tuning = [(word, said) for word, said in data["tuning"]]
    net = Net(len(pairs), args.dropout)
    if args.resume:
        load(net, args.folder)
    average = Net(len(pairs), 0)
    average.load_state_dict(net.state_dict())
    print(sum(p.numel() for p in net.parameters()), "weights", flush=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, betas=(0.9, 0.98), weight_decay=0.01)
    per_epoch = len(batches(words, args.batch, False))
    total, hold = args.epochs * per_epoch, args.hold * per_epoch
    step = args.resume * per_epoch
    clock = time.process_time()
    for epoch in range(args.resume, args.epochs):
        loss_sum = count = 0
        for batch in batches(words, args.batch, True):
            letters, labels, before, states = tensors(batch, tables)
            warm = min(1, (step - args.resume * per_epoch + 1) / 400)
            fallen = max(0, step - hold) / (total - hold)
            rate = args.rate * warm * (0.5 + 0.5 * math.cos(math.pi * fallen))
            for group in optimizer.param_groups:
                group["lr"] = rate
            scores = net.score(net.encode(letters)[:, 1:-1], before, states) + allowed[letters]
            loss = F.cross_entropy(scores.reshape(-1, len(pairs)), labels.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            step += 1
            done = step - args.resume * per_epoch
            decay = min(0.998, done / (done + 100))
            with torch.no_grad():
                for slow, fast in zip(average.parameters(), net.parameters()):
                    slow.lerp_(fast, 1 - decay)
            loss_sum += loss.item() * labels.numel()
            count += labels.numel()
            if step % 200 == 0:
                print(f"step {step} of {total}: {loss_sum / count:.4f}, {time.process_time() - clock:.0f} s", flush=True)
        error = greedy_errors(average, tuning, sounds, allowed, tables)
        save(average, args.folder)
        seconds = time.process_time() - clock
        print(f"epoch {epoch}: {loss_sum / count:.4f} nats a letter, tuning words {100 * error:.1f} % wrong, {seconds:.0f} s CPU", flush=True)


main()
