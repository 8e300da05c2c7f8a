"""Manifests and checkpoints with something changed: each is read, or refused in words. usage: python mutated.py FOLDER COUNT"""
import random
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
from tensorloom_xla.checkpoint import check_fits, read_checkpoint  # noqa: E402
from tensorloom_xla.errors import UserError  # noqa: E402
from tensorloom_xla.folder import read_folder  # noqa: E402

WORDS = [b"null", b"-1", b"1e999", b"9007199254740993", b'""', b"[]", b"{}", b"true", b'"../x"', b'"f32"', b"\xff", b"NaN", b"0.5"]


def mutated(data, source):
    data = bytearray(data)
    for _ in range(source.choice([1, 1, 1, 2, 4])):
        at = source.randrange(len(data))
        kind = source.randrange(5)
        if kind == 0:
            data[at] = source.randrange(256)
        elif kind == 1:
            del data[at : at + source.randrange(1, 40)]
        elif kind == 2:
            end = at + source.randrange(1, 40)
            data[at:at] = data[at:end]
        elif kind == 3:
            data[at:at] = source.choice(WORDS)
        else:
            value = next((i for i in range(at, len(data)) if data[i] in b'0123456789"'), at)
            end = next((i for i in range(value + 1, len(data)) if data[i] in b',}]\n"'), value)
            data[value:end] = source.choice(WORDS)
        if not data:
            data = bytearray(b" ")
    return bytes(data)


def main(folder, count):
    folder = Path(folder)
    source = random.Random(1)
    manifest, state = (folder / "manifest.json").read_bytes(), (folder / "state.safetensors").read_bytes()
    head = 8 + int.from_bytes(state[:8], "little")
    told = {"read": 0, "refused": 0}
    with tempfile.TemporaryDirectory() as place:
        first, second = Path(place) / "first", Path(place) / "second"
        for copy in (first, second):
            shutil.copytree(folder, copy)
        for number in range(count):
            copy = second if number % 4 == 3 else first
            if copy is second:
                (copy / "state.safetensors").write_bytes(mutated(state[:head], source) + state[head:])
            else:
                (copy / "manifest.json").write_bytes(mutated(manifest, source))
            try:
                found = read_folder(copy)
                check_fits(found.state_file, read_checkpoint(found.state_file)[0], found.states)
                told["read"] += 1
            except UserError as error:
                assert str(copy) in str(error), error
                told["refused"] += 1
    print(told["read"], told["refused"])


main(sys.argv[1], int(sys.argv[2]))
