"""A run as lines of JSON, in the form of tensorloom's jsonLogger. NaN and infinities are texts."""
import datetime
import json
import math

from .errors import UserError


class Log:
    def __init__(self, path):
        """`path` None: nothing is written. Lines are added to those that are there."""
        try:
            self.file = None if path is None else open(path, "a", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error}") from None

    def add(self, event, /, **facts):
        if self.file is None:
            return
        time = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {key: _plain(value) for key, value in facts.items() if key != "event"}
        self.file.write(json.dumps({"event": event, **told, "time": time}) + "\n")
        self.file.flush()


def _plain(value):
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
