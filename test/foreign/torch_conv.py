"""Random convolutions and pools by PyTorch in float64, for test/unit/torch-conv.test.ts.

    python3 test/foreign/torch_conv.py > test/fixtures/torch-conv.json

Elements are drawn by a formula that both sides know, so a case is its options and the numbers that tell of its results: the
sum under weights of y, of the gradients of sum(y * y * weights) by x and by the filter, and of the gradients of the sum of
the squares of those gradients.
"""

import json
import random

import torch
import torch.nn.functional as F


def ramp(shape, phase):
    count = 1
    for dim in shape:
        count *= dim
    places = torch.arange(count, dtype=torch.float64)
    return torch.sin(0.7 * places + phase).reshape(shape)


def under(x):
    return float((x * ramp(x.shape, 0.3)).sum()) if x is not None else 0.0


def numbers(y, inputs):
    loss = (y * y * ramp(y.shape, 1.1)).sum()
    firsts = torch.autograd.grad(loss, inputs, create_graph=True)
    squares = sum((g * g).sum() for g in firsts)
    seconds = torch.autograd.grad(squares, inputs, allow_unused=True)
    return [under(y)] + [under(g) for g in firsts] + [under(g) for g in seconds]


def draw(rng):
    axes = rng.choice([1, 1, 2, 2, 2, 3])
    kind = rng.choice(["conv"] * 4 + ["transpose"] * 3 + ["max", "average"])
    return kind, axes


def convolution(rng, axes):
    groups = rng.choice([1, 1, 1, 2, 3])
    each = [rng.randint(1, 2), rng.randint(1, 2)]
    size = [rng.randint(1, 3) for _ in range(axes)]
    dilation = [rng.randint(1, 3) for _ in range(axes)]
    stride = [rng.randint(1, 3) for _ in range(axes)]
    padding = [[rng.randint(0, 3), rng.randint(0, 3)] for _ in range(axes)]
    extent = []
    for i in range(axes):
        span = (size[i] - 1) * dilation[i] + 1
        extent.append(max(1, span - sum(padding[i])) + rng.randint(0, 4))
    x = ramp([2, groups * each[0], *extent], 0.1).requires_grad_()
    w = ramp([groups * each[1], each[0], *size], 0.2).requires_grad_()
    widths = [n for pair in reversed(padding) for n in pair]
    call = [F.conv1d, F.conv2d, F.conv3d][axes - 1]
    y = call(F.pad(x, widths), w, stride=stride, dilation=dilation, groups=groups)
    options = {"stride": stride, "dilation": dilation, "padding": padding, "groups": groups}
    return {"kind": "conv", "x": list(x.shape), "w": list(w.shape), "options": options, "numbers": numbers(y, [x, w])}


def transposed(rng, axes):
    size = [rng.randint(1, 4) for _ in range(axes)]
    dilation = [rng.randint(1, 2) for _ in range(axes)]
    stride = [rng.randint(1, 4) for _ in range(axes)]
    more = [rng.randint(0, s - 1) for s in stride]
    extent = [rng.randint(1, 4) for _ in range(axes)]
    padding = []
    for i in range(axes):
        whole = (extent[i] - 1) * stride[i] + (size[i] - 1) * dilation[i] + 1
        padding.append(rng.randint(0, min(2, (whole - 1) // 2)))
    x = ramp([2, 2, *extent], 0.1).requires_grad_()
    w = ramp([2, 3, *size], 0.2).requires_grad_()
    call = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][axes - 1]
    y = call(x, w, stride=stride, padding=padding, output_padding=more, dilation=dilation)
    options = {"stride": stride, "dilation": dilation, "padding": [[p, p] for p in padding], "outputPadding": more}
    return {"kind": "transpose", "x": list(x.shape), "w": list(w.shape), "options": options, "numbers": numbers(y, [x, w])}


def pool(rng, kind, axes):
    size = [rng.randint(1, 4) for _ in range(axes)]
    stride = [rng.randint(1, 3) for _ in range(axes)]
    padding = [rng.randint(0, n // 2) for n in size]
    extent = [max(1, n - 2 * p) + rng.randint(0, 4) for n, p in zip(size, padding)]
    x = ramp([2, 2, *extent], 0.1).requires_grad_()
    options = {"size": size, "stride": stride, "padding": [[p, p] for p in padding]}
    if kind == "max":
        y = [F.max_pool1d, F.max_pool2d, F.max_pool3d][axes - 1](x, size, stride, padding)
    else:
        y = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d][axes - 1](x, size, stride, padding, count_include_pad=False)
    return {"kind": kind, "x": list(x.shape), "w": [], "options": options, "numbers": numbers(y, [x])}


def main():
    rng = random.Random(20261128)
    cases = []
    while len(cases) < 80:
        kind, axes = draw(rng)
        if kind == "conv":
            cases.append(convolution(rng, axes))
        elif kind == "transpose":
            cases.append(transposed(rng, axes))
        else:
            cases.append(pool(rng, kind, axes))
    head = json.dumps({"pytorch": torch.__version__})
    lines = ",\n".join("  " + json.dumps(one) for one in cases)
    print(head[:-1] + ', "cases": [\n' + lines + "\n]}")


main()
