"""Does check.py find what it is there to find? Run with `python3 -m unittest discover DIR` where its packages are."""

import contextlib
import io
import shutil
import tempfile
import unittest
from pathlib import Path

import dag_cbor
from blake3 import blake3
from multiformats import CID

import check

VECTORS = Path(__file__).with_name("slice-v1")


class ExportedLedger(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.chain = [self.store((VECTORS / f"chain-{seq}.cbor").read_bytes()) for seq in range(3)]
        self.store((VECTORS / "genesis-labels.cbor").read_bytes())

    def store(self, raw):
        path = self.directory / f"{check.cid_text(blake3(raw).digest())}.cbor"
        path.write_bytes(raw)
        return path

    def rewrite(self, path, **changes):
        """Replaces a slice by a valid one that says something else."""
        fields = dag_cbor.decode(path.read_bytes())
        fields.update(changes)
        path.unlink()
        return self.store(dag_cbor.encode(fields))

    def check(self, *directories):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = check.main([str(directory) for directory in directories or (self.directory,)])
        return code, out.getvalue() + err.getvalue()

    def assert_violation(self, text):
        code, output = self.check()
        self.assertEqual(code, 1)
        self.assertIn("violation: ", output)
        self.assertIn(text, output)

    def test_a_sound_ledger_and_the_vectors_are_ok(self):
        code, output = self.check(self.directory, VECTORS)
        self.assertEqual(code, 0, output)
        self.assertIn("4 slices, 2 streams, 5 rows\n", output)
        self.assertTrue(output.endswith("\nok\n"))

    def test_a_changed_byte_is_found(self):
        raw = bytearray(self.chain[1].read_bytes())
        raw[-1] ^= 1
        self.chain[1].write_bytes(raw)
        self.assert_violation("the name must be the CID")

    def test_swapped_files_are_found(self):
        raw = self.chain[0].read_bytes()
        self.chain[0].write_bytes(self.chain[1].read_bytes())
        self.chain[1].write_bytes(raw)
        self.assert_violation("the name must be the CID")

    def test_a_missing_slice_is_found(self):
        self.chain[1].unlink()
        self.assert_violation("seq 2: expected seq 1")

    def test_a_missing_beginning_is_found(self):
        self.chain[0].unlink()
        self.assert_violation("seq 1: expected seq 0")

    def test_a_rewritten_slice_is_found_by_the_next_link(self):
        self.rewrite(self.chain[1], end_ms=1 << 60)
        self.assert_violation("seq 2: expected a link to")

    def test_a_foreign_link_is_found(self):
        foreign = CID("base32", 1, "dag-cbor", bytes([0x1E, 0x20]) + bytes(32))
        self.rewrite(self.chain[2], prev=foreign)
        self.assert_violation("seq 2: expected a link to")

    def test_a_fork_is_found(self):
        fork = self.chain[2].read_bytes()
        self.rewrite(self.chain[2], end_ms=1 << 60)
        self.store(fork)
        self.assert_violation("two slices have seq 2")

    def test_rows_out_of_order_are_found(self):
        rows = [[["b", "", "", ""], 1], [["a", "", "", ""], 1]]
        self.rewrite(self.chain[2], rows=rows)
        self.assert_violation("row 1: sorts before")

    def test_a_repeated_row_is_found(self):
        self.rewrite(self.chain[2], rows=[[["a", "", "", ""], 1]] * 2)
        self.assert_violation("row 1: repeats")

    def test_a_zero_row_is_found(self):
        self.rewrite(self.chain[2], rows=[[["a", "", "", ""], 0]])
        self.assert_violation("row 0: the increment is zero")

    def test_an_empty_or_absent_directory_is_not_ok(self):
        for path in self.directory.iterdir():
            path.unlink()
        self.assert_violation("no slices")
        shutil.rmtree(self.directory)
        self.assert_violation("no such directory")
        self.directory.mkdir()

    def test_a_changed_vector_is_found(self):
        shutil.rmtree(self.directory)
        shutil.copytree(VECTORS, self.directory)
        shutil.copy(self.directory / "chain-0.cbor", self.directory / "unicode-labels.cbor")
        self.assert_violation("unicode-labels.cbor: expected")
        shutil.copy(VECTORS / "unicode-labels.cbor", self.directory)
        shutil.copy(VECTORS / "chain-0.cbor", self.directory / "invalid" / "float.cbor")
        self.assert_violation("files and index differ by ['float']")
        (self.directory / "invalid" / "float.cbor").unlink()
        shutil.copy(VECTORS / "chain-0.cbor", self.directory / "invalid" / "half_float.cbor")
        self.assert_violation("half_float.cbor: expected to be refused with Float, found valid")


if __name__ == "__main__":
    unittest.main()
