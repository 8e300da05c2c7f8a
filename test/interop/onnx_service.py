"""Runs ONNX models that are asked for on standard input, a line of JSON each, and answers with a line.

    {"model": ..., "external": {"name": ..., "data": ...}, "inputs": {name: {"dtype", "shape", "data"}}}
        ->  {"outputs": {name: {"dtype", "shape", "data"}}} or {"error": ...}

Data is base64, in the order of memory. A model is checked by the ONNX checker first; one that is left out is the last once more.
"""
import base64
import json
import os
import sys
import tempfile

import numpy
import onnx
import onnxruntime

dtypes = {
    "f16": numpy.float16,
    "f32": numpy.float32,
    "f64": numpy.float64,
    "i32": numpy.int32,
    "u32": numpy.uint32,
    "u8": numpy.uint8,
    "bool": numpy.bool_,
}
names = {numpy.dtype(value): name for name, value in dtypes.items()}
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
options.intra_op_num_threads = 2
session = None


def array(given):
    data = numpy.frombuffer(base64.b64decode(given["data"]), dtypes[given["dtype"]])
    return data.reshape(given["shape"])


def told(value):
    data = base64.b64encode(numpy.ascontiguousarray(value).tobytes()).decode()
    return {"dtype": names[value.dtype], "shape": value.shape, "data": data}


def loaded(asked):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        with open(path, "wb") as file:
            file.write(base64.b64decode(asked["model"]))
        if "external" in asked:
            with open(os.path.join(folder, asked["external"]["name"]), "wb") as file:
                file.write(base64.b64decode(asked["external"]["data"]))
        onnx.checker.check_model(path, full_check=True)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answer(asked):
    global session
    if "model" in asked:
        session = None
        session = loaded(asked)
    given = {name: array(value) for name, value in asked["inputs"].items()}
    outputs = [each.name for each in session.get_outputs()]
    results = session.run(outputs, given)
    return {"outputs": {name: told(value) for name, value in zip(outputs, results)}}


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))), flush=True)
    except Exception as error:  # told to whoever asked
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
