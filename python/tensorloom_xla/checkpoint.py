"""Checkpoints of tensorloom: safetensors files whose metadata say so. Read and written with NumPy alone."""
import json
import os
import struct
from pathlib import Path

import ml_dtypes
import numpy

from .errors import UserError

FORMAT = "tensorloom checkpoint"
NUMPY = {
    "f16": numpy.dtype("<f2"),
    "bf16": numpy.dtype(ml_dtypes.bfloat16),
    "f32": numpy.dtype("<f4"),
    "f64": numpy.dtype("<f8"),
    "i32": numpy.dtype("<i4"),
    "u32": numpy.dtype("<u4"),
    "u8": numpy.dtype("u1"),
    "bool": numpy.dtype(bool),
}
STORED = {"F16": "f16", "BF16": "bf16", "F32": "f32", "F64": "f64", "I32": "i32", "U32": "u32", "U8": "u8", "BOOL": "bool"}
MOST_HEADER = 100_000_000


def read_checkpoint(path):
    """The tensors by name and the metadata of a checkpoint."""
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > min(size - 8, MOST_HEADER):
                raise UserError(f"{path}: its header would be {length} bytes long; the file is cut or no safetensors file")
            header = json.loads(file.read(length))
            data = file.read()
    except (OSError, struct.error, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as a safetensors file: {error}") from None
    if not isinstance(header, dict):
        raise UserError(f"{path}: cannot be read as a safetensors file: its header is no object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT or metadata.get("format_version") != "1":
        raise UserError(f"{path}: a checkpoint of tensorloom (version 1) is wanted, and its metadata name none")
    return {name: _tensor(path, name, told, data) for name, told in header.items()}, metadata


def _tensor(path, name, told, data):
    try:
        dtype = NUMPY[STORED[told["dtype"]]]
        begin, end = told["data_offsets"]
        shape = [int(size) for size in told["shape"]]
        count = 1
        for size in shape:
            count *= size
        if not 0 <= begin <= end <= len(data) or min(shape, default=0) < 0 or end - begin != count * dtype.itemsize:
            raise ValueError("its bytes lie outside of the file, or are not as many as its shape says")
        return numpy.frombuffer(data, dtype, count, begin).reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: {name}: {error}") from None


def check_writable(path):
    """Known before the first step, not after the last."""
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"{path}: cannot be written: {'it is a folder' if path.is_dir() else f'there is no folder {path.parent}'}")


def write_checkpoint(path, tensors, metadata):
    """Whatever happens meanwhile, the file is the old one or the new one."""
    path = Path(path)
    order = list(NUMPY)
    dtypes = {name: next(key for key in order if NUMPY[key] == value.dtype) for name, value in tensors.items()}
    rank = {"f64": 0, "f32": 1, "u32": 2, "i32": 3, "bf16": 4, "f16": 5, "u8": 6, "bool": 7}
    header, offset = {"__metadata__": metadata}, 0
    stored = {value: key for key, value in STORED.items()}
    names = sorted(tensors, key=lambda name: (rank[dtypes[name]], name.encode()))
    for name in names:
        bytes_ = tensors[name].nbytes
        told = {"dtype": stored[dtypes[name]], "shape": list(tensors[name].shape)}
        header[name] = {**told, "data_offsets": [offset, offset + bytes_]}
        offset += bytes_
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(struct.pack("<Q", len(text)))
            file.write(text)
            for name in names:
                file.write(numpy.ascontiguousarray(tensors[name]).tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error}") from None


def check_fits(path, tensors, states):
    """The states of a checkpoint are those of the program."""
    for name, place in states.items():
        found = tensors.get(name)
        if found is None:
            raise UserError(f"{path}: the program has a state {name}, the checkpoint nothing of that name")
        if found.dtype != NUMPY[place.dtype] or found.shape != place.shape:
            wanted = f"{place.dtype}{list(place.shape)}"
            raise UserError(f"{path}: the checkpoint has {name} as {found.dtype}{list(found.shape)}, the program {wanted}")
    for name in tensors:
        if name not in states and not name.startswith("$extra."):
            raise UserError(f"{path}: the checkpoint has {name}, the program nothing of that name")
