#!/usr/bin/env python3
"""Checks slices of the usage ledger with public libraries and no code of ours.

usage: python3 check.py DIR...

A DIR holds either the slices of an exported ledger, each in a file named <cid>.cbor, or golden vectors with an
index.json. For every slice: its name is its CID, its bytes are canonical DAG-CBOR, its fields and rows keep the rules
of docs/wire-format.md. For every stream: numbers from 0 without gaps, each slice linked to the one before it. Golden
vectors are compared with their index, and each file in invalid/ must be refused.

Prints the counts of each DIR and then `ok`. The first violation ends the program with exit 1.
"""

import base64
import json
import sys
from pathlib import Path

try:
    import dag_cbor
    from blake3 import blake3
except ImportError as error:
    requirements = Path(__file__).with_name("requirements.txt")
    sys.exit(f"{error}: install what this program needs with `python3 -m pip install -r {requirements}`")

MAX_SLICE_BYTES = 1 << 20
MAX_TEXT_BYTES = 1024
FIELDS = {"v", "seq", "prev", "rows", "end_ms", "origin", "tenant", "start_ms", "dimension"}
CID_HEADER = bytes([0x01, 0x71, 0x1E, 0x20])


class Violation(Exception):
    """What was found, and where it was expected to be otherwise."""


def require(condition, message):
    if not condition:
        raise Violation(message)


def cid_text(digest):
    return "b" + base64.b32encode(CID_HEADER + digest).decode("ascii").lower().rstrip("=")


def is_integer(value, bits):
    return type(value) is int and 0 <= value < 1 << bits


def is_text(value):
    return type(value) is str and len(value.encode("utf-8")) <= MAX_TEXT_BYTES


def is_bytes(value, length):
    return type(value) is bytes and len(value) == length


def is_key(value):
    if type(value) is not list:
        return False
    if len(value) == 4:
        return all(is_text(label) for label in value)
    return len(value) == 2 and is_integer(value[0], 32) and is_bytes(value[1], 16)


def decode(raw):
    """The fields of a slice, once its bytes are known to be canonical."""
    require(len(raw) <= MAX_SLICE_BYTES, f"{len(raw)} bytes are more than {MAX_SLICE_BYTES}")
    try:
        fields = dag_cbor.decode(raw)
        again = dag_cbor.encode(fields)
    except Exception as error:  # Whatever the library finds wrong, it is wrong.
        raise Violation(f"not DAG-CBOR: {str(error) or repr(error)}") from error
    require(again == raw, "not canonical: encoding it again gives other bytes")
    return fields


def check_rows(rows):
    require(type(rows) is list and rows, "rows: expected at least one")
    last = b""
    for index, row in enumerate(rows):
        require(type(row) is list and len(row) == 2, f"row {index}: expected a key and an increment")
        key, increment = row
        require(is_key(key), f"row {index}: expected four labels, or namespace and 16-byte id, found {key!r}")
        require(is_integer(increment, 64), f"row {index}: expected a 64-bit increment, found {increment!r}")
        require(increment > 0, f"row {index}: the increment is zero")
        encoded = dag_cbor.encode(key)
        require(encoded != last, f"row {index}: repeats the key of the row above it")
        require(encoded > last, f"row {index}: sorts before the row above it")
        last = encoded


def check_slice(raw):
    """The fields of a slice that keeps every rule that can be checked on one slice alone."""
    fields = decode(raw)
    require(type(fields) is dict, "expected a map")
    require(set(fields) == FIELDS, f"fields: differ from the format by {sorted(set(fields) ^ FIELDS)}")
    require(is_integer(fields["v"], 64) and fields["v"] == 1, f"v: expected 1, found {fields['v']!r}")
    for name in ("seq", "start_ms", "end_ms"):
        require(is_integer(fields[name], 64), f"{name}: expected a 64-bit integer, found {fields[name]!r}")
    for name in ("tenant", "dimension"):
        require(is_text(fields[name]), f"{name}: expected a text of at most {MAX_TEXT_BYTES} bytes")
    require(is_bytes(fields["origin"], 16), f"origin: expected 16 bytes, found {fields['origin']!r}")
    start, end = fields["start_ms"], fields["end_ms"]
    require(start < end, f"end_ms: expected more than {start}, found {end}")
    check_rows(fields["rows"])

    link = fields["prev"]
    if link is not None:
        # A link comes back as a CID object; in bytes it is version, codec, hash, digest length, digest.
        cid = bytes(link) if hasattr(link, "hashfun") else b""
        require(cid[:4] == CID_HEADER and len(cid) == 36, f"prev: expected a BLAKE3 link, found {link!r}")
        link = cid[4:]
    fields["prev"] = link
    require((link is None) == (fields["seq"] == 0), f"prev: must be null at seq 0 alone, seq is {fields['seq']}")
    return fields


def stream_text(stream):
    origin, tenant, dimension = stream
    return f"{origin.hex()}/{tenant}/{dimension}"


class Ledger:
    """Streams as they are gathered, slice by slice, in any order."""

    def __init__(self):
        self.streams = {}
        self.slices = 0
        self.rows = 0

    def add(self, fields, digest):
        stream = (fields["origin"], fields["tenant"], fields["dimension"])
        chain = self.streams.setdefault(stream, {})
        seq = fields["seq"]
        require(seq not in chain, f"stream {stream_text(stream)}: two slices have seq {seq}")
        chain[seq] = (digest, fields["prev"])

    def count(self, fields):
        self.slices += 1
        self.rows += len(fields["rows"])

    def check_chains(self):
        for stream, chain in sorted(self.streams.items()):
            last = None
            for expected, seq in enumerate(sorted(chain)):
                at = f"stream {stream_text(stream)}, seq {seq}"
                require(seq == expected, f"{at}: expected seq {expected}, the slices before it are missing")
                digest, previous = chain[seq]
                # At seq 0 both are None: check_slice saw to it.
                if previous != last:
                    raise Violation(f"{at}: expected a link to {last.hex()}, found {previous.hex()}")
                last = digest


def check_exported(directory):
    ledger = Ledger()
    for path in sorted(directory.glob("*.cbor")):
        try:
            raw = path.read_bytes()
            digest = blake3(raw).digest()
            require(path.stem == cid_text(digest), f"the name must be the CID, which is {cid_text(digest)}")
            fields = check_slice(raw)
            ledger.count(fields)
            ledger.add(fields, digest)
        except Violation as violation:
            raise Violation(f"{path}: {violation}") from violation
    require(ledger.slices > 0, f"{directory}: no slices, expected files named <cid>.cbor")
    ledger.check_chains()
    return f"{ledger.slices} slices, {len(ledger.streams)} streams, {ledger.rows} rows"


def check_names(directory, entries):
    listed = {entry["name"] for entry in entries}
    stored = {path.stem for path in directory.glob("*.cbor")}
    require(listed == stored, f"{directory}: files and index differ by {sorted(listed ^ stored)}")


def check_vectors(directory):
    index = json.loads((directory / "index.json").read_text(encoding="utf-8"))
    invalid_directory = directory / "invalid"
    check_names(directory, index["valid"])
    check_names(invalid_directory, index["invalid"])

    ledger = Ledger()
    for entry in index["valid"]:
        path = directory / f"{entry['name']}.cbor"
        try:
            raw = path.read_bytes()
            digest = blake3(raw).digest()
            fields = check_slice(raw)
            found = {
                "name": entry["name"],
                "digest": digest.hex(),
                "cid": cid_text(digest),
                "stream": stream_text((fields["origin"], fields["tenant"], fields["dimension"])),
                "seq": fields["seq"],
                "rows": len(fields["rows"]),
                "standalone": entry["standalone"],
            }
            require(found == entry, f"expected {entry}, found {found}")
            ledger.count(fields)
            # The predecessors of a standalone slice are not among the vectors.
            if not entry["standalone"]:
                ledger.add(fields, digest)
        except Violation as violation:
            raise Violation(f"{path}: {violation}") from violation
    ledger.check_chains()

    for entry in index["invalid"]:
        path = invalid_directory / f"{entry['name']}.cbor"
        try:
            check_slice(path.read_bytes())
        except Violation:
            continue
        raise Violation(f"{path}: expected to be refused with {entry['error']}, found valid")
    counts = f"{ledger.slices} slices, {len(ledger.streams)} streams, {ledger.rows} rows"
    return f"{counts}, {len(index['invalid'])} invalid refused"


def main(arguments):
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(__doc__.strip())
        return 0 if arguments else 2
    for argument in arguments:
        directory = Path(argument)
        try:
            require(directory.is_dir(), f"{directory}: no such directory")
            check = check_vectors if (directory / "index.json").is_file() else check_exported
            print(f"{directory}: {check(directory)}")
        except Violation as violation:
            print(f"violation: {violation}", file=sys.stderr)
            return 1
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
