"""Samples from an npz file, in batches: the same ones in the same order as `fit` of tensorloom with the same shuffle seed."""
import zipfile
import zlib

import numpy

from .checkpoint import NUMPY
from .errors import UserError
from .orders import permutation


class Data:
    def __init__(self, path, inputs, shuffle_seed):
        """`inputs`: the arguments that are fed. `shuffle_seed`: None leaves the samples in their order."""
        if path is None:
            names = ", ".join(place.name for place in inputs)
            raise UserError(f"the entry is fed {names}: --data names an npz file with an array for each")
        alone = [place.name for place in inputs if place.shape == ()]
        if alone:
            raise UserError(f"{', '.join(alone)}: an input without axes has no samples, and only samples are fed here")
        self.arrays = {place.name: _array(path, place) for place in inputs}
        counts = {name: len(array) for name, array in self.arrays.items()}
        if len(set(counts.values())) != 1:
            raise UserError(f"{path}: as many samples of each input are wanted, and there are {counts}")
        self.samples = next(iter(counts.values()))
        sizes = {place.shape[0] for place in inputs}
        if len(sizes) != 1:
            raise UserError(f"{path}: the inputs have no first axis in common: {sorted(sizes)}")
        self.batch = sizes.pop()
        self.batches = 0 if self.batch == 0 else self.samples // self.batch
        if self.batches == 0:
            raise UserError(f"{path}: {self.samples} samples are no batch of {self.batch}")
        self.shuffle_seed = shuffle_seed
        self._epoch, self._order = None, None
        self.told = [self.samples, self.batch, shuffle_seed]

    def at(self, step):
        """The feeds of a step, counted from 0. What no whole batch is left of at the end of an epoch is left out of it."""
        epoch, place = divmod(step, self.batches)
        if epoch != self._epoch:
            order = numpy.arange(self.samples) if self.shuffle_seed is None else permutation(self.samples, self.shuffle_seed, epoch)
            self._epoch, self._order = epoch, order
        rows = self._order[place * self.batch : (place + 1) * self.batch]
        return {name: array[rows] for name, array in self.arrays.items()}


UNREADABLE = (OSError, ValueError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What NumPy and zipfile throw at files that are damaged, no npz files, or packed as they do not know."""


def _opened(path):
    file = numpy.load(path, allow_pickle=False)
    if isinstance(file, numpy.lib.npyio.NpzFile):
        return file
    raise ValueError("it holds one array without a name: numpy.savez gives each its name")


def _array(path, place):
    try:
        with _opened(path) as file:
            names = sorted(file.files)
            if place.name not in names:
                raise UserError(f"{path}: no array {place.name!r} for that input; it has {', '.join(names)}")
            array = file[place.name]
    except UNREADABLE as error:
        raise UserError(f"{path}: cannot be read as an npz file: {error}") from None
    wanted = place.shape[1:]
    if array.ndim == 0 or int(numpy.prod(array.shape[1:])) != int(numpy.prod(wanted)):
        raise UserError(f"{path}: {place.name} has the shape {list(array.shape)}, and a sample is {list(wanted)}")
    return _converted(path, place, array.reshape(len(array), *wanted))


def _converted(path, place, array):
    dtype = NUMPY[place.dtype]
    if array.dtype == dtype:
        return array
    isFloat = place.dtype in ("f16", "bf16", "f32", "f64")
    if isFloat and array.dtype == numpy.uint8:  # as fit does with bytes
        return (array.astype(numpy.float32) * numpy.float32(1 / 255)).astype(dtype)
    if isFloat and numpy.issubdtype(array.dtype, numpy.floating):
        return array.astype(dtype)
    if not isFloat and numpy.issubdtype(array.dtype, numpy.integer):
        converted = array.astype(dtype)
        if numpy.array_equal(converted, array):
            return converted
        raise UserError(f"{path}: {place.name} has numbers that {place.dtype} does not hold")
    raise UserError(f"{path}: {place.name} is {array.dtype}, and {place.dtype} is wanted")
