#!/usr/bin/env bash
# Keras 3.15.1: class_weight beside labels of several steps, [batch, steps], weighs a whole sample by the class whose number is the *place* of
# its largest label: [0, 0, 2] counts as class 2, [2, 0, 0] and [2, 2, 2] as class 0. Nothing is said, and the loss looks plausible. The same
# labels as [batch, steps, 1], which the loss takes as well, end in a TypeError.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2
cat >"$folder/seen.py" <<'SCRIPT'
import math
import sys
import numpy as np
import keras

weights = {0: 1.0, 1: 10.0, 2: 100.0}
uniform = keras.Sequential([keras.layers.Input((3, 1)), keras.layers.Dense(3, activation="softmax", kernel_initializer="zeros")])
uniform.compile(optimizer=keras.optimizers.SGD(0.0), loss="sparse_categorical_crossentropy")
x = np.zeros((1, 3, 1), "float32")  # each step's loss is log(3), whatever its label: the rest is the weight

seen = []
for labels in ([0, 0, 2], [0, 2, 0], [2, 0, 0], [1, 1, 1], [2, 2, 2]):
    weight = float(uniform.train_on_batch(x, np.array([labels]), class_weight=weights)) / math.log(3)
    mean = sum(weights[label] for label in labels) / 3
    print(f"labels {labels}: weighs {weight:.1f}; the mean of its steps' weights is {mean:.1f}")
    seen.append(round(weight, 3))
try:
    uniform.train_on_batch(x, np.array([[[0], [0], [2]]]), class_weight=weights)
    column = "no error"
except TypeError as error:
    column = f"TypeError: {error}"
print(f"labels [batch, steps, 1]: {column}")
sys.exit(0 if seen == [100, 10, 1, 1, 1] and column.startswith("TypeError") else 1)
SCRIPT
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/seen.py" 2>"$folder/errors" || { cat "$folder/errors"; exit 1; }
