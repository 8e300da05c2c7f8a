"""
The update of one parameter, with the formulas of Keras 3, for systems whose own optimizers have others.

`sqrt` is the system's. Each function gives the next weights and moments.
"""

MOMENTS = {"sgd": 0, "rmsprop": 1, "adam": 2}


def update(optimizer, w, g, moments, t, sqrt):
    """`t` counts the updates from 1."""
    if optimizer == "sgd":
        return w - 0.01 * g, []
    if optimizer == "rmsprop":
        v = 0.9 * moments[0] + 0.1 * (g * g)
        return w - 1e-3 * g / sqrt(v + 1e-7), [v]
    m, v = moments
    m = m + 0.1 * (g - m)
    v = v + 0.001 * (g * g - v)
    correction = sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - (1e-3 * correction) * m / (sqrt(v) + 1e-7), [m, v]
