"""
Where the coefficients in src/kernel/maths come from: weighted minimax fits, rounded to float32 one by one.

    python3 bench/maths/fit.py            prints every table and the relative error of its function at that fit

A fit is least squares on Chebyshev points, reweighted (Lawson) until the largest error stops falling. Coefficients are
then rounded to float32 from the lowest power up, the rest being fitted again after each, so a rounding error in one is
absorbed by the next. Functions are evaluated with 30 digits (mpmath), so that f(x) - 1 - x and the like lose nothing.
"""
import mpmath as mp
import numpy as np

mp.mp.dps = 30


def points(low, high, count=1500):
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(count) + 0.5) / count)


def minimax(x, y, weight, powers):
    """Coefficients c that make max |weight * (sum c x^p - y)| small."""
    basis = np.stack([x**p for p in powers], axis=1) * weight[:, None]
    target, lawson = y * weight, np.ones_like(x)
    best, least = None, np.inf
    for _ in range(120):
        root = np.sqrt(lawson)
        c = np.linalg.lstsq(basis * root[:, None], target * root, rcond=None)[0]
        error = np.abs(basis @ c - target)
        if error.max() < least:
            best, least = c, error.max()
        lawson = lawson * (error + 1e-30)
        lawson /= lawson.sum()
    return best


def fit(name, f, low, high, powers, weight):
    """weight(x): 1 / the value that an error of the polynomial is relative to."""
    x = points(low, high)
    y = np.array([float(f(mp.mpf(v))) for v in x])
    w = np.array([float(weight(mp.mpf(v))) for v in x])
    fixed, rest = [], list(powers)
    left = y.copy()
    while rest:
        c = np.float64(np.float32(minimax(x, left, w, rest)[0]))
        fixed.append(c)
        left = left - c * x ** rest.pop(0)
    print(f"{name}: relative error 2^{np.log2(np.abs(left * w).max()):.1f}")
    print("  [" + ", ".join(repr(float(np.format_float_positional(np.float32(c), unique=True))) for c in fixed) + "]")


def guarded(f, limit):
    """f away from 0, its limit there."""
    return lambda x: f(x) if abs(x) > 1e-9 else mp.mpf(limit)


def of_root(f, limit):
    """f(sqrt z) for z > 0, its limit at 0: functions of x^2."""
    return lambda z: f(mp.sqrt(z)) if z > 1e-9 else mp.mpf(limit)


def log_rest(f):
    return (mp.log1p(f) - f + f**2 / 2) / f**3


def exp_rest(r):
    return (mp.expm1(r) - r) / r**2


if __name__ == "__main__":
    fit("EXP: (e^r - 1 - r) / r^2", guarded(exp_rest, 0.5), -0.347, 0.347, range(5), lambda r: r**2 / mp.exp(r))
    fit("EXPM1: the same, relative to e^r - 1", guarded(exp_rest, 0.5), -0.347, 0.5, range(6),
        guarded(lambda r: r**2 / mp.expm1(r), 0))
    fit("EXP2: (2^r - 1) / r", guarded(lambda r: mp.expm1(r * mp.log(2)) / r, mp.log(2)), -0.501, 0.501, range(6),
        lambda r: r / mp.power(2, r))
    for name, low, high, terms in (("LOG", mp.sqrt(0.5) - 1, mp.sqrt(2) - 1, 8), ("POW", -0.0953, 0.0953, 5)):
        fit(f"{name}: (log(1 + f) - f + f^2 / 2) / f^3", guarded(log_rest, mp.mpf(1) / 3), float(low), float(high),
            range(terms), guarded(lambda f: f**3 / mp.log1p(f), 0))
    quarter = float(mp.pi / 4) + 1e-4
    fit("SIN: (sin r - r) / r^3 in r^2", of_root(lambda r: (mp.sin(r) - r) / r**3, mp.mpf(-1) / 6), 0, quarter**2,
        range(3), of_root(lambda r: r**3 / mp.sin(r), 0))
    fit("COS: (cos r - 1 + r^2 / 2) / r^4 in r^2", of_root(lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4, mp.mpf(1) / 24),
        0, quarter**2, range(3), of_root(lambda r: r**4 / mp.cos(r), 0))
    fit("TANH: (tanh x - x) / x^3 in x^2", of_root(lambda x: (mp.tanh(x) - x) / x**3, mp.mpf(-1) / 3), 0, 0.625**2,
        range(5), of_root(lambda x: x**3 / mp.tanh(x), 0))
    fit("ERF: erf(x) / x - 1 in x^2", of_root(lambda x: mp.erf(x) / x - 1, 2 / mp.sqrt(mp.pi) - 1), 0, 1, range(7),
        of_root(lambda x: x / mp.erf(x), mp.sqrt(mp.pi) / 2))
    fit("ERF_TAIL: -log(erfc x) / x", lambda x: -mp.log(mp.erfc(x)) / x, 1, 4, range(7), lambda x: mp.erfc(x) * x)
