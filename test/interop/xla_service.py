"""Runs StableHLO modules that are asked for on standard input, a line of JSON each, and answers with a line.

    {"text": ..., "arguments": [{"dtype", "shape", "data"}], "repeat": 1}  ->  {"results": [{"dtype", "shape", "data"}]} or {"error": ...}

Data is base64, in the order of memory; bfloat16 as its 16 bits.
"""
import base64
import json
import sys

import jax
import jaxlib.xla_client
import ml_dtypes
import numpy
from jax.extend.backend import get_backend, get_compile_options

dtypes = {
    "f16": numpy.float16,
    "bf16": ml_dtypes.bfloat16,
    "f32": numpy.float32,
    "f64": numpy.float64,
    "i32": numpy.int32,
    "u32": numpy.uint32,
    "u8": numpy.uint8,
    "bool": numpy.bool_,
}
names = {numpy.dtype(value): name for name, value in dtypes.items()}

jax.config.update("jax_enable_x64", True)
backend = get_backend("cpu")
device = jax.devices()[0]
options = get_compile_options(num_replicas=1, num_partitions=1, device_assignment=numpy.array([[device.id]]))
devices = jaxlib.xla_client.DeviceList((device,))


def array(given):
    data = numpy.frombuffer(base64.b64decode(given["data"]), dtypes[given["dtype"]])
    return jax.device_put(data.reshape(given["shape"]), device)


def told(value):
    value = numpy.asarray(value)
    data = base64.b64encode(numpy.ascontiguousarray(value).tobytes()).decode()
    return {"dtype": names[value.dtype], "shape": value.shape, "data": data}


def answer(asked):
    program = backend.compile_and_load(asked["text"], devices, options)
    results = program.execute_sharded([array(each) for each in asked["arguments"]])
    return {"results": [told(parts[0]) for parts in results.disassemble_into_single_device_arrays()]}


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))), flush=True)
    except Exception as error:  # told to whoever asked
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
