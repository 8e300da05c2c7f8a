"""A run as lines of JSON, in the form of tensorloom's jsonLogger. NaN and infinities are texts."""
import datetime
import json
import math


class Log:
    def __init__(self, path):
        """`path` None: nothing is written. Lines are added to those that are there."""
        self.file = None if path is None else open(path, "a", encoding="utf-8")

    def add(self, event, **facts):
        if self.file is None:
            return
        time = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {key: _plain(value) for key, value in facts.items()}
        self.file.write(json.dumps({"event": event, **told, "time": time}) + "\n")
        self.file.flush()


def _plain(value):
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
