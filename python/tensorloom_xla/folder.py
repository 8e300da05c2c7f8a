"""What the exporter wrote: a manifest, modules of StableHLO text, and the states to begin with."""
import json
import math
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError

FORMAT, VERSION = "tensorloom StableHLO", 1
DTYPES = {"f16", "bf16", "f32", "f64", "i32", "u32", "u8", "bool"}


@dataclass(frozen=True)
class Place:
    """An argument or a result of a module, in order. `division`: for each axis the axis of the mesh that divides it, or None."""

    kind: str
    name: str
    dtype: str
    shape: tuple
    division: tuple


@dataclass(frozen=True)
class Entry:
    name: str
    text: str
    arguments: tuple
    results: tuple


@dataclass(frozen=True)
class Folder:
    path: Path
    entries: dict
    states: dict
    """By name, the dtype and shape of each state."""
    mesh: tuple
    """(name, size) of each axis of devices; none for one device."""
    state_file: Path

    @property
    def devices(self):
        return math.prod(size for _, size in self.mesh)

    def entry(self, name):
        if name in self.entries:
            return self.entries[name]
        raise UserError(f"{self.path}: there is no entry {name!r}; it has {', '.join(self.entries)}")


def read_folder(path):
    path = Path(path)
    file = path / "manifest.json"
    try:
        manifest = json.loads(file.read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no manifest.json there; `tensorloom export SCRIPT -o {path}` writes one") from None
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from None
    try:
        return _folder(path, manifest)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{file}: not as the exporter writes it ({type(error).__name__}: {error})") from None


def _folder(path, manifest):
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise UserError(f"{path / 'manifest.json'}: not a folder of `tensorloom export --format stablehlo`")
    if manifest["version"] != VERSION:
        raise UserError(f"{path / 'manifest.json'}: version {manifest['version']!r}; this launcher reads version {VERSION}")
    entries = {}
    for told in manifest["entries"]:
        arguments = tuple(_place(each) for each in told["arguments"])
        results = tuple(_place(each) for each in told["results"])
        entries[str(told["name"])] = Entry(str(told["name"]), _text(path, told["file"]), arguments, results)
    states = {}
    for state in manifest["states"]:
        place = _place({**state, "kind": "state"})
        states[place.name] = place
    mesh = tuple((str(axis["name"]), _size(axis["size"])) for axis in manifest["mesh"])
    return Folder(path, entries, states, mesh, _inside(path, manifest["state"]))


def _place(told):
    if told["dtype"] not in DTYPES or told["kind"] not in ("input", "state", "output"):
        raise ValueError(f"{told['name']!r}: a {told['kind']!r} of {told['dtype']!r}")
    shape = tuple(_size(size) for size in told["shape"])
    division = tuple(told.get("division", ()))
    if any(axis is not None and not isinstance(axis, str) for axis in division) or len(division) > len(shape):
        raise ValueError(f"{told['name']!r}: divided as {division}")
    return Place(told["kind"], str(told["name"]), told["dtype"], shape, division)


def _size(value):
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError(f"{value!r} is no size")
    return value


def _inside(path, name):
    """A file of the folder itself: a manifest names no other."""
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise ValueError(f"{name!r} is no file of the folder")
    return path / name


def _text(path, name):
    file = _inside(path, name)
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from None
