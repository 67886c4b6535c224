"""gm's counter-based random numbers (src/base/random.h) in numpy.

The scripts that run an oracle generate its inputs and weights here. The C++ tests generate the same values,
so only the answers of the oracle are stored.
"""

import numpy as np

MASK = (1 << 64) - 1

# Streams that no run uses.
INPUTS = 1001
WEIGHTS = 1002
PROJECTIONS = 1003


def mix(value):
    """The finaliser of SplitMix64."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def philox(counters, key):
    """Philox4x32-10 of an array of counters [n,4]."""
    counters = [counters[:, i].astype(np.uint64) for i in range(4)]
    key0, key1 = key
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        product0 = np.uint64(0xD2511F53) * counters[0]
        product1 = np.uint64(0xCD9E8D57) * counters[2]
        counters = [
            (product1 >> np.uint64(32)) ^ counters[1] ^ np.uint64(key0),
            product1 & low,
            (product0 >> np.uint64(32)) ^ counters[3] ^ np.uint64(key1),
            product0 & low,
        ]
        key0 = (key0 + 0x9E3779B9) & 0xFFFFFFFF
        key1 = (key1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(counters, axis=1)


def words(seed, stream, position, count, draw=0):
    """The first `count` values of CounterRng(seed, stream, position, draw).next()."""
    key = mix((mix(seed) + stream) & MASK)
    blocks = (count + 3) // 4
    counters = np.zeros((blocks, 4), dtype=np.uint64)
    counters[:, 0] = np.arange(blocks)
    counters[:, 1] = draw
    counters[:, 2] = position & 0xFFFFFFFF
    counters[:, 3] = position >> 32
    return philox(counters, (key & 0xFFFFFFFF, key >> 32)).reshape(-1)[:count]


def uniform(seed, stream, position, count, low=-1.0, high=1.0):
    """float32 values uniform on [low, high), computed as tests/parity/counter_values.h does."""
    fraction = (words(seed, stream, position, count) >> np.uint64(8)).astype(np.float64) * 2.0**-24
    return (low + (high - low) * fraction).astype(np.float32)
