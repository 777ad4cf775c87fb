#!/usr/bin/env python3
"""Records how Python's hpack codes headers, for python-hpack.test.ts.

    pip install hpack==4.2.0 && python3 test/wire/hpack/peer/record.py > test/wire/hpack/peer/python-hpack.jsonl

The first line says which version; each other is one connection: blocks in order, with the fields that were given.
The same each time.
"""
import json
import random
from importlib.metadata import version

from hpack import Encoder, HeaderTuple, NeverIndexedHeaderTuple

NAMES = [":method", ":path", ":authority", ":status", "accept", "content-type", "cookie", "user-agent", "x-a", "x-b", "x-%s" % ("c" * 126)]
VALUES = ["", "GET", "/", "200", "application/grpc", "0", "true", "~" * 20, "a b", "v" * 130]


def field(draws):
    name = draws.choice(NAMES)
    if draws.random() < 0.8:
        value = draws.choice(VALUES)
    else:
        value = "".join(chr(draws.randrange(256)) for _ in range(draws.randrange(60)))
    kind = NeverIndexedHeaderTuple if draws.random() < 0.1 else HeaderTuple
    return kind(name.encode("latin-1"), value.encode("latin-1"))


def story(seed):
    draws = random.Random(seed)
    encoder = Encoder()
    isHuffman = seed % 3 != 0
    blocks = []
    for _ in range(12):
        # Once two before one block: the lowest is announced with the last.
        for _ in range(draws.choice([0, 0, 0, 1, 2])):
            encoder.header_table_size = draws.choice([0, 64, 200, 1000, 4096])
        fields = [field(draws) for _ in range(draws.randrange(10))]
        block = encoder.encode(fields, huffman=isHuffman)
        blocks.append({"block": block.hex(), "fields": [[part.decode("latin-1") for part in f] for f in fields]})
    return {"name": "seed %d, %s Huffman" % (seed, "with" if isHuffman else "without"), "blocks": blocks}


def every_byte():
    encoder = Encoder()
    fields = [HeaderTuple(b"x-%d" % byte, bytes([byte]) * 3) for byte in range(256)]
    block = encoder.encode(fields, huffman=True).hex()
    return {"name": "every byte", "blocks": [{"block": block, "fields": [[p.decode("latin-1") for p in f] for f in fields]}]}


stories = [every_byte()] + [story(seed) for seed in range(7)]
print(json.dumps("hpack " + version("hpack")))
for one in stories:
    print(json.dumps(one, separators=(",", ":")))
