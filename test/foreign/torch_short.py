"""What PyTorch rounds float32 numbers to, in float16 and bfloat16: a digest of the bits, for test/fixtures/torch-short.json.

    python3 test/foreign/torch_short.py > test/fixtures/torch-short.json

The numbers have every upper half, and lower halves on and around the middle between two bfloat16; then every value of float16 with
what lies on and around the middle above it. A NaN counts as the one that tensorloom writes.
"""

import hashlib
import json

import numpy as np
import torch

LOWER = [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF]


def numbers():
    halves = np.arange(65536, dtype=np.uint32)
    bits = [(halves << 16) | np.uint32(low) for low in LOWER]
    singles = halves.astype(np.uint16).view(np.float16).astype(np.float32).view(np.uint32)
    bits += [singles + np.uint32(more) for more in (0x0FFF, 0x1000, 0x1001)]
    return np.concatenate(bits).view(np.float32)


def digest(dtype, nan):
    rounded = torch.from_numpy(numbers()).to(dtype)
    bits = rounded.view(torch.int16).numpy().view(np.uint16).copy()
    bits[torch.isnan(rounded.float()).numpy()] = nan
    return hashlib.sha256(bits.astype("<u2").tobytes()).hexdigest()


answers = {"f16": digest(torch.float16, 0x7E00), "bf16": digest(torch.bfloat16, 0x7FC0)}
print(json.dumps({"torch": torch.__version__, "lower": LOWER, **answers}, indent=2))
