#!/usr/bin/env python3
"""The answers of PyTorch (1.13 or newer, float64, CPU) to a file of recipes: see recipe.ts.

    python3 test/foreign/torch_answers.py recipes.json > answers.json

Every instruction is written here by what its name means, without a look at how tensorloom computes it.
"""
import functools
import json
import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def axes_of(x, attrs):
    return [axis % x.dim() for axis in attrs["axes"]] if x.dim() else []


def reduction(call):
    """call(x, axes) keeps the axes, as size 1."""

    def run(x, a):
        axes = axes_of(x, a)
        y = call(x, axes) if axes else call(x.unsqueeze(0), [0])
        if not axes:
            return y.squeeze(0)
        return y if a["keep"] else y.reshape([d for i, d in enumerate(x.shape) if i not in axes])

    return run


def product(x, axes):
    for axis in axes:
        x = torch.prod(x, axis, keepdim=True)
    return x


def mean(x, axes):
    return torch.sum(x, axes, keepdim=True) / math.prod(x.shape[i] for i in axes)


def variance(x, axes):
    return mean((x - mean(x, axes)) ** 2, axes)


def moments(x, axes):
    spread, middle = torch.var_mean(x, axes, unbiased=False, keepdim=True)
    return middle + 0.5 * spread


def running(call, neutral):
    def run(x, a):
        axis = a["axis"]
        if a["reverse"]:
            x = torch.flip(x, [axis])
        if a["exclusive"]:
            edge = torch.full_like(x.narrow(axis, 0, 1), neutral)
            x = torch.cat([edge, x.narrow(axis, 0, x.shape[axis] - 1)], axis)
        y = call(x, axis)
        return torch.flip(y, [axis]) if a["reverse"] else y

    return run


def ramp(x, phase):
    return (0.37 * torch.sin(0.7 * torch.arange(x.numel()) + phase)).reshape(x.shape)


def fit(x, a):
    flat, count = x.reshape(x.numel()), math.prod(a["shape"])
    flat = torch.cat([flat, torch.full([max(0, count - x.numel())], 0.5)])
    return flat[:count].reshape(a["shape"])


def broadcast(x, shape):
    return x.expand(shape)


def slice_(x, a):
    for axis, (start, stop, step) in enumerate(zip(a["start"], a["stop"], a["step"])):
        x = x.index_select(axis, torch.arange(start, max(start, stop), step))
    return x


def pad(x, a):
    for axis, (before, after) in enumerate(zip(a["before"], a["after"])):
        edge = lambda width: torch.full([*x.shape[:axis], width, *x.shape[axis + 1 :]], a["value"])
        x = torch.cat([edge(before), x, edge(after)], axis)
    return x


def gather(x, indexes, a):
    """An index out of range gives zeros."""
    axis, extent = a["axis"], x.shape[a["axis"]]
    inside = (indexes >= 0) & (indexes < extent)
    if extent == 0:
        return torch.zeros(*x.shape[:axis], *indexes.shape, *x.shape[axis + 1 :])
    found = x.index_select(axis, torch.where(inside, indexes, torch.zeros_like(indexes)))
    mask = inside.reshape([-1] + [1] * (x.dim() - axis - 1))
    return torch.where(mask, found, torch.zeros_like(found))


def scatter_add(indexes, updates, a):
    size = a["size"]
    kept = [i for i, at in enumerate(indexes.tolist()) if 0 <= at < size]
    result = torch.zeros(size, *updates.shape[1:])
    return result.index_add(0, indexes[kept], updates[kept]) if kept else result + 0 * updates.sum()


def starts_of(starts, shape, part):
    return [min(max(0, s), d - p) for s, d, p in zip(starts.tolist(), shape, part)]


def dynamic_slice(x, starts, a):
    for axis, (start, width) in enumerate(zip(starts_of(starts, x.shape, a["shape"]), a["shape"])):
        x = x.narrow(axis, start, width)
    return x


def dynamic_update(x, part, starts, a):
    at = starts_of(starts, x.shape, part.shape)
    widths = [w for s, p, d in list(zip(at, part.shape, x.shape))[::-1] for w in (s, d - s - p)]
    mask = F.pad(torch.ones_like(part), widths) > 0
    return torch.where(mask, F.pad(part, widths), x)


def cross_entropy(scores, labels, a):
    logs = torch.log(torch.clamp(scores, min=1e-7)) if a["probabilities"] else F.log_softmax(scores, -1)
    if labels.dtype == torch.int64:
        return -logs.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return -(labels * logs).sum(-1)


def logic(a, b, x, y, attrs):
    left, right = a > 0, b > 0
    chosen = {"and": left & right, "or": left | right, "not": ~left}[attrs["how"]]
    return torch.where(chosen, x, y)


def contains(compare):
    return lambda a, b, x, y, _: torch.where(compare(a, b), x, y)


def one_hot(labels, y, a):
    return (labels.unsqueeze(-1) == torch.arange(a["depth"])).double() * y


def jacobian(x, _):
    return torch.autograd.functional.jacobian(lambda v: torch.tanh(v * v), x, create_graph=True)


def hessian(x, _):
    # torch.prod has a gradient that divides: its own derivatives lose all digits near zeros
    multiplied = lambda v: functools.reduce(torch.mul, torch.sin(v).unbind(-1)) if v.dim() else torch.sin(v)
    return torch.autograd.functional.hessian(lambda v: multiplied(v).sum(), x, create_graph=True)


def channels_first(x):
    return x.permute([0, x.dim() - 1, *range(1, x.dim() - 1)])


def channels_last(x):
    return x.permute([0, *range(2, x.dim()), 1])


def borders_of(sizes, kernel, stride, dilation, borders):
    """Elements before and behind each axis; "same": as many windows as strides begin, the odd one behind."""
    if borders == "valid":
        return [(0, 0) for _ in sizes]
    if borders != "same":
        return borders
    totals = [
        max(0, (math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n) for n, k, s, d in zip(sizes, kernel, stride, dilation)
    ]
    return [(total // 2, total - total // 2) for total in totals]


def bordered(x, borders, value):
    widths = [width for before, after in borders[::-1] for width in (before, after)]
    return F.pad(x, widths, value=value)


def convolved(x, w, a, groups):
    axes = x.dim() - 2
    borders = borders_of(x.shape[2:], w.shape[2:], a["stride"], a["dilation"], a["borders"])
    call = F.conv1d if axes == 1 else F.conv2d
    return call(bordered(x, borders, 0.0), w.contiguous(), stride=a["stride"], dilation=a["dilation"], groups=groups)


def conv(x, w, a):
    axes = x.dim() - 2
    filters = w.permute([axes + 1, axes, *range(axes)])
    return channels_last(convolved(channels_first(x), filters, a, a["groups"]))


def depthwise_conv(x, w, a):
    """Of each channel, with filters of its own; their features lie beside each other."""
    axes = x.dim() - 2
    each = [
        convolved(channels_first(x)[:, c : c + 1], w[..., c, :].unsqueeze(-2).permute([axes + 1, axes, *range(axes)]), a, 1)
        for c in range(w.shape[-2])
    ]
    return channels_last(torch.cat(each, 1))


def conv_transpose(x, w, a):
    """ "valid" has all that a window reaches, and at least the image times the stride; "same" just that, cut evenly."""
    axes, stride = x.dim() - 2, a["stride"]
    filters = w.permute([axes + 1, axes, *range(axes)])
    call = F.conv_transpose1d if axes == 1 else F.conv_transpose2d
    y = call(channels_first(x), filters.contiguous(), stride=stride)
    for axis in range(axes):
        n, k, s = x.shape[axis + 1], w.shape[axis], stride[axis]
        before = max(k - s, 0) // 2 if a["borders"] == "same" else 0
        wanted = n * s if a["borders"] == "same" else (n - 1) * s + max(k, s)
        missing = max(0, before + wanted - y.shape[axis + 2])
        y = torch.cat([y, torch.zeros([*y.shape[: axis + 2], missing, *y.shape[axis + 3 :]])], axis + 2)
        y = y.narrow(axis + 2, before, wanted)
    return channels_last(y)


def pooled(x, a, value):
    """The windows of each channel, side by side in the last axis."""
    axes, size, stride = x.dim() - 2, a["size"], a["stride"]
    x = channels_first(x)
    x = bordered(x, borders_of(x.shape[2:], size, stride, [1] * axes, a["borders"]), value)
    for axis in range(axes):
        x = x.unfold(axis + 2, size[axis], stride[axis])
    return x.reshape([*x.shape[: 2 + axes], -1])


def max_pool(x, a):
    return channels_last(torch.max(pooled(x, a, -math.inf), -1)[0])


def avg_pool(x, a):
    """Borders count as nothing."""
    return channels_last(pooled(x, a, 0.0).sum(-1) / pooled(torch.ones_like(x), a, 0.0).sum(-1))


def global_pool(x, a):
    axes = list(range(1, x.dim() - 1))
    y = x
    for axis in axes[::-1]:
        y = torch.mean(y, axis, keepdim=True) if a["how"] == "average" else torch.max(y, axis, keepdim=True)[0]
    return y if a["keep"] else y.reshape(x.shape[0], x.shape[-1])


def folded(call):
    """A running fold, written element after element."""

    def run(x, a):
        axis = a["axis"]
        parts = list(x.unbind(axis))[:: -1 if a["reverse"] else 1]
        found = parts[:1]
        for part in parts[1:]:
            found.append(call(found[-1], part))
        return torch.stack(found[:: -1 if a["reverse"] else 1], axis)

    return run


def segment_sum(x, ids, a):
    rows = [torch.zeros(x.shape[1:]) for _ in range(a["count"])]
    for row, at in zip(x, ids.tolist()):
        if 0 <= at < a["count"]:
            rows[at] = rows[at] + row
    return torch.stack(rows) + 0 * x.sum()


def well_kept(x):
    return 0.3 * torch.tanh(x) + 2 * torch.eye(x.shape[-1])


def cholesky(x, _):
    a = well_kept(x)
    return torch.linalg.cholesky(a @ a.transpose(-1, -2))


def scan(h, xs, w, a):
    stack = [None] * len(xs)
    for t in range(len(xs))[:: -1 if a["reverse"] else 1]:
        after = torch.tanh(h @ w + xs[t])
        stack[t] = after * torch.cos(h)
        h = after
    return torch.stack(stack) if a["stacked"] else h


def nested_scan(a, xs, _):
    b, stack = 0.3 * a, []
    for rows in xs:
        for row in rows:
            b = 0.5 * b + torch.sin(row)
        stack.append(0.9 * a + b * a)
        a = torch.tanh(stack[-1])
    return torch.stack(stack)


def cond(x, whole, y, a):
    return torch.tanh(x) * y if whole.sum().item() > a["above"] else torch.sin(x * x)


def vmap(x, v, a):
    """The slope is of the function of one row, where that follows from v too."""
    results, v = [], v.clone()
    for row in x:
        row = row.clone()
        y = torch.softmax(row * v, -1) * torch.sin(row).sum()
        by = {"row": row, "shared": v}.get(a["by"])
        results.append(y if by is None else torch.autograd.grad((y * y).sum(), by, create_graph=True)[0])
    return torch.stack(results)


def jvp(x, t, _):
    """The slope of the slope by what it is multiplied by."""
    y = torch.tanh(x) * torch.sin(x).sum()
    u = torch.zeros_like(y).requires_grad_()
    (g,) = torch.autograd.grad(y, x, u, create_graph=True)
    return torch.autograd.grad(g, u, t, create_graph=True)[0]


def vjp(x, t, _):
    return torch.autograd.grad(torch.exp(-x * x) * x, x, t, create_graph=True)[0]


def hvp(x, v, _):
    (g,) = torch.autograd.grad((torch.sin(x) * x * x).sum(), x, create_graph=True)
    return torch.autograd.grad(g, x, v, create_graph=True)[0]


def unary(call):
    return lambda x, _: call(x)


def with_places(found):
    return found[0] * (found[1].double() + 1)


def binary(call):
    return lambda x, y, _: call(x, y)


OPS = {
    "neg": unary(torch.neg), "abs": unary(torch.abs), "sign": unary(torch.sign), "exp": unary(torch.exp),
    "expm1": unary(torch.expm1), "log": unary(torch.log), "log1p": unary(torch.log1p), "sqrt": unary(torch.sqrt),
    "rsqrt": unary(torch.rsqrt), "sin": unary(torch.sin), "cos": unary(torch.cos), "tanh": unary(torch.tanh),
    "erf": unary(torch.erf), "floor": unary(torch.floor), "ceil": unary(torch.ceil), "round": unary(torch.round),
    "stopGradient": unary(torch.detach), "relu": unary(torch.relu), "elu": unary(F.elu), "selu": unary(F.selu),
    "silu": unary(F.silu), "sigmoid": unary(torch.sigmoid), "softplus": unary(lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    "square": unary(torch.square), "gelu": lambda x, a: F.gelu(x, approximate="tanh" if a.get("approximate") else "none"),
    "leakyRelu": lambda x, a: F.leaky_relu(x, a["slope"]), "clip": lambda x, a: torch.clamp(x, a["low"], a["high"]),
    "power": lambda x, a: torch.pow(x, a["exponent"]), "scale": lambda x, a: x * a["factor"] + a["shift"],
    "spread": lambda x, a: x + ramp(x, a["phase"]), "full": lambda y, a: torch.full(a["shape"], a["value"]) * y,
    "add": binary(torch.add), "sub": binary(torch.sub), "mul": binary(torch.mul), "div": binary(torch.div),
    "pow": binary(torch.pow), "maximum": binary(torch.maximum), "minimum": binary(torch.minimum),
    "mod": binary(lambda a, b: a - b * torch.floor(a / b)),
    "sum": reduction(lambda x, axes: torch.sum(x, axes, keepdim=True)), "prod": reduction(product), "mean": reduction(mean),
    "max": reduction(lambda x, axes: torch.amax(x, axes, keepdim=True)),
    "min": reduction(lambda x, axes: torch.amin(x, axes, keepdim=True)), "variance": reduction(variance),
    "moments": reduction(moments),
    "standardDeviation": reduction(lambda x, axes: torch.sqrt(variance(x, axes))),
    "l1Norm": reduction(lambda x, axes: torch.sum(torch.abs(x), axes, keepdim=True)),
    "l2Norm": reduction(lambda x, axes: torch.sqrt(torch.sum(x * x, axes, keepdim=True))),
    "logSumExp": reduction(lambda x, axes: torch.logsumexp(x, axes, keepdim=True)),
    "softmax": lambda x, a: torch.softmax(x, a["axis"]), "logSoftmax": lambda x, a: torch.log_softmax(x, a["axis"]),
    "normalize": lambda x, a: x / torch.sqrt(torch.sum(x * x, a["axis"], keepdim=True)),
    "cumulativeSum": running(torch.cumsum, 0.0), "cumulativeProduct": running(torch.cumprod, 1.0),
    "transpose": unary(lambda x: x.permute(list(range(x.dim()))[::-1])), "permute": lambda x, a: x.permute(a["order"]),
    "flatten": unary(lambda x: x.reshape(x.shape[0] if x.dim() else 1, math.prod(x.shape[1:]))),
    "reshape": lambda x, a: x.reshape(a["shape"]), "broadcastTo": lambda x, a: broadcast(x, a["shape"]),
    "slice": slice_, "pad": pad, "flip": lambda x, a: torch.flip(x, a["axes"]), "fit": fit,
    "concat": lambda *p: torch.cat(p[:-1], p[-1]["axis"]),
    "matmul": binary(torch.matmul), "batchMatmul": binary(torch.matmul),
    "dot": binary(lambda a, b: torch.tensordot(a, b, dims=([a.dim() - 1], [0]))),
    "einsum": lambda *p: torch.einsum(p[-1]["spec"], *p[:-1]),
    "equal": contains(torch.eq), "notEqual": contains(torch.ne), "less": contains(torch.lt), "lessEqual": contains(torch.le),
    "greater": contains(torch.gt), "greaterEqual": contains(torch.ge), "logic": logic,
    "argmax": lambda x, y, a: torch.argmax(x, a["axis"]).double() * y,
    "argsort": lambda x, y, a: torch.sort(x, a["axis"], a["descending"])[1].double() * y,
    "sort": lambda x, a: torch.sort(x, a["axis"], a["descending"])[0],
    "topK": lambda x, a: with_places(torch.topk(x, a["k"], a["axis"], a["largest"])),
    "maxWithIndex": lambda x, a: with_places(torch.max(x, a["axis"])),
    "minWithIndex": lambda x, a: with_places(torch.min(x, a["axis"])),
    "argmin": lambda x, y, a: torch.argmin(x, a["axis"]).double() * y,
    "accuracy": lambda x, labels, y, a: (torch.argmax(x, -1) == labels).float().mean().double() * y,
    "size": lambda x, y, a: x.shape[a["axis"]] * y,
    "gather": gather, "scatterAdd": scatter_add, "dynamicSlice": dynamic_slice, "dynamicUpdate": dynamic_update,
    "oneHot": one_hot, "softmaxCrossEntropy": cross_entropy,
    "sigmoidCrossEntropy": binary(lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none")),
    "meanSquaredError": binary(F.mse_loss), "meanAbsoluteError": binary(F.l1_loss),
    "huber": lambda x, y, a: F.huber_loss(x, y, delta=a["delta"]),
    "globalNorm": lambda *p: torch.sqrt(sum(torch.sum(x * x) for x in p[:-1])),
    "jacobian": jacobian, "hessian": hessian,
    "conv": conv, "depthwiseConv": depthwise_conv, "convTranspose": conv_transpose,
    "maxPool": max_pool, "avgPool": avg_pool, "globalPool": global_pool,
    "cumulativeMax": folded(torch.maximum), "cumulativeMin": folded(torch.minimum),
    "cumulativeLogSumExp": folded(torch.logaddexp), "segmentSum": segment_sum,
    "solve": lambda a, b, _: torch.linalg.solve(well_kept(a), b), "inverse": lambda a, _: torch.linalg.inv(well_kept(a)),
    "det": lambda a, _: torch.linalg.det(well_kept(a)), "cholesky": cholesky,
    "solveTriangular": lambda a, b, _: torch.linalg.solve(torch.triu(well_kept(a)), b),
    "scan": scan, "nestedScan": nested_scan, "cond": cond, "vmap": vmap, "jvp": jvp, "vjp": vjp, "hvp": hvp,
    "checkpoint": lambda x, y, _: torch.tanh(torch.exp(torch.sin(x)) * y),
}


def weighted(x):
    return torch.sum(x.reshape(x.numel()) * torch.cos(0.9 * torch.arange(x.numel()) + 0.4))


def slopes(y, by):
    """Derivatives, zeros where there is no path."""
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in by]
    found = torch.autograd.grad(y, by, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, by)]


def answer(recipe):
    inputs = [
        torch.tensor(i["values"], dtype=torch.int64 if i["whole"] else torch.float64).reshape(i["shape"])
        for i in recipe["inputs"]
    ]
    floats = [x.requires_grad_() for x in inputs if x.dtype == torch.float64]
    values = list(inputs)
    for at, step in enumerate(recipe["instructions"], len(inputs)):
        value = OPS[step["op"]](*[values[i] for i in step["of"]], step["attrs"])
        # a value of its own, so that a derivative by it counts its own readers alone, even where an op gives its operand back
        values.append(value.clone() if value.requires_grad else value.clone().requires_grad_())
    y = values[-1]
    loss = weighted(y)
    g = slopes(loss, floats)
    h = slopes(sum(weighted(x) for x in g), floats)
    (by,) = slopes(loss, [values[recipe["by"]]])
    scalar = lambda x: weighted(x).item()
    return {
        "shape": list(y.shape),
        "y": scalar(y),
        "by": scalar(by),
        "g": [scalar(x) for x in g],
        "h": [scalar(x) for x in h],
    }


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        recipes = json.load(file)
    answers = []
    for at, recipe in enumerate(recipes):
        try:
            answers.append(answer(recipe))
        except Exception as error:  # the recipe that it was is what one needs to know
            sys.exit(f"recipe {at}: {error}\n{json.dumps(recipe)}")
    print(json.dumps({"by": f"PyTorch {torch.__version__}, float64", "answers": answers}))
