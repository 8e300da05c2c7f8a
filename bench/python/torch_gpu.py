"""
PyTorch on its GPU, else on the CPU. Steps on resident data are a CUDA graph that is replayed, where there is CUDA; other steps copy the
batch to where the graph reads it. RMSprop is written out, as torch's own puts epsilon elsewhere.
"""
import numpy as np
import torch

from gpu_rows import CHECKED_STEPS, CLASSES, EPSILON, probe, serve

device = "cuda" if torch.cuda.is_available() else "cpu"


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


@torch.no_grad()
def update(model, gradients, v):
    torch._foreach_mul_(v, 0.9)
    torch._foreach_addcmul_(v, gradients, gradients, 0.1)
    scale = torch._foreach_add(v, 1e-7)
    torch._foreach_sqrt_(scale)
    torch._foreach_addcdiv_(model, gradients, scale, -1e-3)


class Step:
    """One step at a time, from tensors that stay where they are."""

    def __init__(self, w1, w2, batch, inputs):
        hidden = w1.shape[1]
        starts = [torch.tensor(w1), torch.zeros(hidden), torch.tensor(w2), torch.zeros(CLASSES)]
        self.model = [w.to(device).requires_grad_() for w in starts]
        self.v = [torch.zeros_like(w) for w in self.model]
        self.image = torch.zeros(batch, inputs, device=device)
        self.label = torch.zeros(batch, dtype=torch.long, device=device)
        self.graph = None
        self.loss = None

    def feed(self, image, label):
        self.image.copy_(torch.from_numpy(np.ascontiguousarray(image)), non_blocking=True)
        self.label.copy_(torch.from_numpy(label.astype(np.int64)), non_blocking=True)

    def eager(self):
        w1, b1, w2, b2 = self.model
        logits = torch.addmm(b2, torch.relu(torch.addmm(b1, self.image, w1)), w2)
        loss = torch.nn.functional.cross_entropy(logits, self.label)
        update(self.model, torch.autograd.grad(loss, self.model), self.v)
        self.loss = loss.detach()

    def take(self):
        if device != "cuda":
            self.eager()
            return
        if self.graph is None:
            self.capture()
        self.graph.replay()

    def capture(self):
        """Warms up beside, and puts back what that changed."""
        kept = [w.detach().clone() for w in self.model]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.eager()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.eager()
        with torch.no_grad():
            for w, start in zip(self.model, kept):
                w.copy_(start)
            torch._foreach_zero_(self.v)


class PyTorch:
    def __init__(self, threads):
        torch.set_num_threads(threads)
        name = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {threads} threads"
        self.device = f"{torch.__version__}, {name}"

    def steps(self, workload, w1, w2, batch_of):
        step = Step(w1, w2, workload["batch"], workload["inputs"])
        is_fed, taken = workload["data"] == "fed", [0]
        step.feed(*batch_of(0))

        def take():
            if is_fed:
                step.feed(*batch_of(taken[0]))
            taken[0] += 1
            step.take()

        def run():
            for _ in range(workload["calls"]):
                take()
                if workload["reads"]:
                    step.loss.item()
            step.loss.item()

        def check():
            losses = []
            for _ in range(CHECKED_STEPS):
                take()
                losses.append(step.loss.item())
            return losses

        return run, check

    def array(self, workload, operands):
        tensors = [torch.from_numpy(x).to(device) for x in operands]
        size = (operands[0].shape[1],)
        is_product = workload["kind"] == "product"
        if is_product and workload["precision"] == "mixed":
            if device == "cpu":
                return "on the CPU it has no tf32"
            torch.backends.cuda.matmul.allow_tf32 = True
        else:
            torch.backends.cuda.matmul.allow_tf32 = False
        call = {
            "product": lambda: tensors[0] @ tensors[1],
            "add": lambda: tensors[0] + tensors[1],
            "softmax": lambda: torch.softmax(tensors[0], -1),
            "layerNorm": lambda: torch.nn.functional.layer_norm(tensors[0], size, eps=EPSILON),
            "sum": lambda: tensors[0].sum(),
            "sumAxis0": lambda: tensors[0].sum(0),
            "argMax": lambda: tensors[0].argmax(-1),
            "products": lambda: tensors[0] @ tensors[1],
        }["product" if is_product else workload["op"]]

        def run():
            for _ in range(workload["calls"]):
                call()
            wait()

        return run, lambda: probe(call().cpu().numpy())


serve(PyTorch)
