"""The order of samples in an epoch, as tensorloom shuffles: Fisher-Yates, with words of Threefry-2x32-20."""
import numpy

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA
MASK = 0xFFFFFFFF
NAMED = 0x80000000


def threefry(key0, key1, counter0, counter1):
    """Both words of each block; counters may be arrays of uint32."""
    keys = (key0 & MASK, key1 & MASK, PARITY ^ (key0 & MASK) ^ (key1 & MASK))
    a = (numpy.asarray(counter0, numpy.uint64) + keys[0]) & MASK
    b = (numpy.asarray(counter1, numpy.uint64) + keys[1]) & MASK
    for group in range(5):
        for turn in range(4):
            a = (a + b) & MASK
            rotation = ROTATIONS[(4 * group + turn) % 8]
            b = (((b << numpy.uint64(rotation)) & MASK) | (b >> numpy.uint64(32 - rotation))) ^ a
        a = (a + keys[(group + 1) % 3]) & MASK
        b = (b + keys[(group + 2) % 3] + group + 1) & MASK
    return a, b


def stream_key(seed, stream):
    key = threefry(seed & MASK, seed >> 32, len(stream), NAMED)
    for place, letter in enumerate(stream):
        key = threefry(int(key[0]), int(key[1]), ord(letter), place)
    return int(key[0]), int(key[1])


def permutation(count, seed, epoch):
    key0, key1 = stream_key(seed, f"permutation of epoch {epoch}")
    drawn, words, at = 0, [], 0
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        limit = 2**32 - 2**32 % (i + 1)
        while True:
            if at == len(words):
                blocks = min(65536, max(1, count - drawn))
                first, second = threefry(key0, key1, numpy.arange(drawn, drawn + blocks, dtype=numpy.uint64), 0)
                words, at, drawn = numpy.stack([first, second], 1).ravel().tolist(), 0, drawn + blocks
            word = words[at]
            at += 1
            if word < limit:
                break
        j = word % (i + 1)
        order[i], order[j] = order[j], order[i]
    return numpy.array(order, numpy.int64)
