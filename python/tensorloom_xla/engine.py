"""A module on devices: compiled once, its states kept on them, one call a step."""
import jax
import numpy
from jax.extend.backend import get_backend, get_compile_options
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxlib.xla_client import DeviceList

from .checkpoint import NUMPY
from .errors import UserError

SHOWN = 600


class Engine:
    def __init__(self, folder, entry, platform=None):
        try:
            devices = jax.devices(platform) if platform else jax.devices()
        except RuntimeError as error:
            raise UserError(f"jax finds no device: {str(error)[:SHOWN]}") from None
        if len(devices) < folder.devices:
            raise UserError(
                f"{folder.path} was exported for {folder.devices} devices and there are {len(devices)} ({devices[0].platform}): "
                "export it with another --mesh, or give --devices or --processes"
            )
        self.devices = devices[: folder.devices]
        idle = set(range(jax.process_count())) - {device.process_index for device in self.devices}
        if idle:
            raise UserError(
                f"{folder.path} was exported for {folder.devices} devices, and the first {folder.devices} leave nothing to do for "
                f"process {', '.join(map(str, sorted(idle)))}: export it with another --mesh, or give fewer --devices or --processes"
            )
        names = tuple(name for name, _ in folder.mesh) or ("device",)
        sizes = tuple(size for _, size in folder.mesh) or (1,)
        self.mesh = Mesh(numpy.array(self.devices).reshape(sizes), names)
        self.entry = entry
        ids = numpy.array([[device.id for device in self.devices]])
        options = get_compile_options(num_replicas=1, num_partitions=folder.devices, device_assignment=ids)
        try:
            backend = get_backend(self.devices[0].platform)
            self.program = backend.compile_and_load(entry.text, DeviceList(tuple(self.devices)), options)
        except jax.errors.JaxRuntimeError as error:
            raise UserError(f"XLA does not take the entry {entry.name!r} of {folder.path}: {str(error)[:SHOWN]}") from None
        self.state = {}

    def write(self, values):
        """States as they are to be; each process has all of them."""
        for place in self.entry.arguments:
            if place.kind == "state":
                self.state[place.name] = self._put(place, values[place.name])

    def read(self, values):
        """The same with what the entry has changed, whole, on every process."""
        return {**values, **{name: self._whole(array) for name, array in self.state.items()}}

    def step(self, feeds):
        """Runs once; the outputs by name. States change on the devices."""
        given = [
            self.state[place.name] if place.kind == "state" else self._put(place, feeds[place.name])
            for place in self.entry.arguments
        ]
        found = self.program.execute_sharded(given).disassemble_into_single_device_arrays()
        outputs = {}
        for place, parts in zip(self.entry.results, found, strict=True):
            if place.kind == "state":
                sharding = self._sharding(place)
                self.state[place.name] = jax.make_array_from_single_device_arrays(place.shape, sharding, list(parts))
            else:
                outputs[place.name] = parts[0]
        return outputs

    def _sharding(self, place):
        return NamedSharding(self.mesh, PartitionSpec(*place.division))

    def _put(self, place, value):
        host = numpy.asarray(value, NUMPY[place.dtype]).reshape(place.shape)
        sharding = self._sharding(place)
        if sharding.is_fully_addressable:
            return jax.device_put(host, sharding)
        return jax.make_array_from_callback(place.shape, sharding, lambda index: host[index])

    def _whole(self, array):
        if array.is_fully_addressable or array.is_fully_replicated:
            return numpy.array(array if array.is_fully_addressable else array.addressable_data(0))
        from jax.experimental.multihost_utils import process_allgather

        return numpy.asarray(process_allgather(array, tiled=True))
