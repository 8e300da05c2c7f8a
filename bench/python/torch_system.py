"""
PyTorch, eager, with the updates over all parameters at once that torch.optim makes with foreach=True.

They are written out, as torch's own RMSprop and Adam put epsilon elsewhere.
"""
import math

import torch

from serve import CLASSES, HIDDEN, LAYER_NORM_EPSILON, operands, repeated, serve
from optimizers import MOMENTS


@torch.no_grad()
def update(optimizer, model, gradients, moments, t):
    if optimizer == "sgd":
        torch._foreach_add_(model, gradients, alpha=-0.01)
    elif optimizer == "rmsprop":
        (v,) = moments
        torch._foreach_mul_(v, 0.9)
        torch._foreach_addcmul_(v, gradients, gradients, 0.1)
        scale = torch._foreach_add(v, 1e-7)
        torch._foreach_sqrt_(scale)
        torch._foreach_addcdiv_(model, gradients, scale, -1e-3)
    else:
        m, v = moments
        if hasattr(torch, "_foreach_lerp_"):
            torch._foreach_lerp_(m, gradients, 0.1)
        else:  # PyTorch 1.13
            torch._foreach_mul_(m, 0.9)
            torch._foreach_add_(m, gradients, alpha=0.1)
        torch._foreach_mul_(v, 0.999)
        torch._foreach_addcmul_(v, gradients, gradients, 0.001)
        scale = torch._foreach_sqrt(v)
        torch._foreach_add_(scale, 1e-7)
        torch._foreach_addcdiv_(model, m, scale, -1e-3 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t))


def lstm_scores(model, image):
    wx, bx, wh, bh, w, b = model
    x = image[:, :700].view(-1, 100, 7)
    h = torch.zeros(1, len(image), 64)
    _, last, _ = torch._VF.lstm(x, (h, h), (wx, wh, bx, bh), True, 1, 0.0, True, False, True)
    return torch.addmm(b, last[0], w)


def block_scores(model, image):
    embedding, attention, joined, wide, narrow, classes = zip(model[::2], model[1::2])
    normalized = lambda x: torch.nn.functional.layer_norm(x, (128,), eps=1e-5)
    dense = lambda x, layer: x @ layer[0] + layer[1]
    x = dense(image[:, :768].view(-1, 128, 6), embedding)
    query, key, value = dense(normalized(x), attention).view(-1, 128, 3, 4, 32).permute(2, 0, 3, 1, 4)
    match = query @ key.transpose(-1, -2) * 32**-0.5
    past = torch.ones(128, 128, dtype=torch.bool).tril()
    seen = torch.softmax(match.masked_fill(~past, -math.inf), -1) @ value
    met = x + dense(seen.transpose(1, 2).reshape(-1, 128, 128), joined)
    out = met + dense(torch.relu(dense(normalized(met), wide)), narrow)
    return dense(out.mean(1), classes)


class PyTorch:
    def __init__(self, threads):
        torch.set_num_threads(threads)

    def step(self, batch, optimizer, w1, w2):
        starts = [torch.tensor(w1), torch.zeros(HIDDEN), torch.tensor(w2), torch.zeros(CLASSES)]
        model = [w.requires_grad_() for w in starts]
        moments = [[torch.zeros_like(w) for w in model] for _ in range(MOMENTS[optimizer])]
        count = [0]

        def step(image, label):
            count[0] += 1
            w1, b1, w2, b2 = model
            h = torch.relu(torch.addmm(b1, torch.from_numpy(image), w1))
            logits = torch.addmm(b2, h, w2)
            loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(label).long())
            gradients = torch.autograd.grad(loss, model)
            update(optimizer, model, gradients, moments, count[0])
            return loss.item()

        return step

    def per_example(self, w1, w2):
        if not hasattr(torch, "func"):
            return None
        model = [torch.tensor(w1), torch.zeros(HIDDEN), torch.tensor(w2), torch.zeros(CLASSES)]

        def loss_of(model, x, y):
            w1, b1, w2, b2 = model
            logits = torch.relu(x @ w1 + b1) @ w2 + b2
            return torch.nn.functional.cross_entropy(logits[None], y[None])

        each = torch.func.vmap(torch.func.grad_and_value(loss_of), in_dims=(None, 0, 0))

        @torch.no_grad()
        def step(image, label):
            gradients, losses = each(model, torch.from_numpy(image), torch.from_numpy(label).long())
            norms = torch.sqrt(sum(g.flatten(1).square().sum(1) for g in gradients))
            scale = torch.clamp(1 / norms, max=1) / len(norms)
            for w, g in zip(model, gradients):
                w.sub_(torch.tensordot(scale, g, 1), alpha=0.01)
            return losses.mean().item()

        return step

    def sequence(self, workload, weights):
        """An LSTM's weights lie transposed, as PyTorch has them."""
        scores = lstm_scores if workload["net"] == "lstm" else block_scores
        turned = range(4) if workload["net"] == "lstm" else ()
        model = [torch.tensor(w.T.copy() if i in turned else w).requires_grad_() for i, w in enumerate(weights)]
        moments = [[torch.zeros_like(w) for w in model] for _ in range(MOMENTS["adam"])]
        count = [0]

        def step(image, label):
            count[0] += 1
            loss = torch.nn.functional.cross_entropy(scores(model, torch.from_numpy(image)), torch.from_numpy(label).long())
            gradients = torch.autograd.grad(loss, model)
            update("adam", model, gradients, moments, count[0])
            return loss.item()

        return step

    def net(self, workload, weights):
        if workload["net"] in ("lstm", "block"):
            return self.sequence(workload, weights)
        return self.image_net(workload, weights)

    def image_net(self, workload, weights):
        """Images with channels in front, as PyTorch has them: the first dense layer takes its inputs in that order."""
        model = []
        for w in map(torch.tensor, weights):
            if w.dim() == 4:
                channels, w = w.shape[3], w.permute(3, 2, 0, 1).contiguous()
            elif w.dim() == 2 and not any(other.dim() == 2 for other in model):
                side = int(math.sqrt(w.shape[0] // channels))
                w = w.reshape(side, side, channels, -1).permute(2, 0, 1, 3).reshape(w.shape).contiguous()
            model.append(w.requires_grad_() if w.is_leaf else w.detach().requires_grad_())
        moments = [[torch.zeros_like(w) for w in model] for _ in range(MOMENTS["adam"])]
        count = [0]

        def step(image, label):
            count[0] += 1
            x, pairs = torch.from_numpy(image).view(-1, 1, 28, 28), list(zip(model[::2], model[1::2]))
            for i, (kernel, bias) in enumerate(pairs):
                if kernel.dim() == 4:
                    x = torch.relu(torch.nn.functional.conv2d(x, kernel, bias))
                else:
                    if x.dim() == 4:
                        x = torch.nn.functional.max_pool2d(x, 2).flatten(1)
                    x = torch.addmm(bias, x, kernel)
                    x = torch.relu(x) if i < len(pairs) - 1 else x
            loss = torch.nn.functional.cross_entropy(x, torch.from_numpy(label).long())
            gradients = torch.autograd.grad(loss, model)
            update("adam", model, gradients, moments, count[0])
            return loss.item()

        return step

    def other(self, workload, numbers):
        kind = workload["kind"]
        with torch.no_grad():
            tensors = [torch.tensor(x) for x in operands(workload, numbers)]
        if kind == "matmul":
            return repeated(lambda: tensors[0] @ tensors[1], 1)
        if kind == "chain":
            return repeated(lambda: torch.relu(tensors[0] + tensors[1]), workload["calls"])
        if kind == "softmax":
            return repeated(lambda: torch.softmax(tensors[0], -1), 1)
        size = (workload["columns"],)
        return repeated(lambda: torch.nn.functional.layer_norm(tensors[0], size, eps=LAYER_NORM_EPSILON), 1)


serve(PyTorch)
