"""The same run gives the same fields and values in Rust and in Python.

Each file in `runs/` is a scripted run. The example `dump_run` of the Rust crate replayed it and wrote a dump; here it is
replayed through the binding.
"""

import json
import os
import pathlib

import pytest

import ron_accounting_telemetry as telemetry
from ron_accounting_telemetry import Stage, StageTimes, TelemetryCounters, TelemetrySnapshot, TelemetryTimer

RUNS = sorted((pathlib.Path(__file__).parent / "runs").glob("*.json"))
# Attributes of a snapshot that are no fields of a record.
BESIDES = {"counters", "output"}


class Clock:
    def __init__(self):
        self.now_ns = 0

    def __call__(self):
        return self.now_ns


def replay(steps):
    clock = Clock()
    timer, counters, output = TelemetryTimer(clock), TelemetryCounters(), None
    for step in steps:
        ((verb, value),) = step.items()
        if verb in ("add_header", "add_terminator", "add_digest"):
            getattr(counters, verb)(value)
        elif verb in ("add_encrypt_data", "add_decrypt_data"):
            getattr(counters, verb)(**value)
        elif verb == "merge":
            counters.merge(TelemetryCounters(**value))
        elif verb == "stage":
            with timer.stage(Stage.from_name(value[0])):
                clock.now_ns += value[1]
        elif verb == "pass_ns":
            clock.now_ns += value
        elif verb == "worker":
            worker = timer.worker()
            worker.add_ns(Stage.from_name(value[0]), value[1])
            timer.merge(worker)
        elif verb == "finish":
            timer.finish()
        elif verb == "attach_output":
            output = bytes(value)
        else:
            raise AssertionError(f"no such step: {verb}")
    snapshot = TelemetrySnapshot(counters, timer)
    return counters, timer.stage_times, snapshot if output is None else snapshot.attach_output(output)


def attributes(value, besides=frozenset()):
    """The public attributes that are no methods."""
    names = {name for name in dir(value) if not name.startswith("_")}
    return {name for name in names if not callable(getattr(value, name))} - besides


def compare(value, dumped, besides=frozenset()):
    assert attributes(value, besides) == set(dumped), "a side has a field that the other has not"
    for name, expected in dumped.items():
        found = getattr(value, name)
        if isinstance(expected, dict):
            compare(found, expected)
        else:
            assert (name, type(found), found) == (name, type(expected), expected)
    # Also the order, which dictionaries do not compare.
    assert json.dumps(value.to_dict()) == json.dumps(dumped)


@pytest.fixture(params=RUNS, ids=lambda path: path.stem)
def run(request):
    folder = os.environ.get("TELEMETRY_DUMPS")
    assert folder, "TELEMETRY_DUMPS names no folder of dumps; run `cargo xtask telemetry-python`"
    dump = json.loads((pathlib.Path(folder) / request.param.name).read_text())
    return dump, replay(json.loads(request.param.read_text()))


def test_there_are_runs():
    assert {"encrypt", "decrypt", "empty", "broken", "cut"} <= {path.stem for path in RUNS}


def test_counters(run):
    dump, (counters, _, _) = run
    compare(counters, dump["counters"])
    assert TelemetryCounters.from_dict(dump["counters"]) == counters
    assert TelemetryCounters(**dump["counters"]) == counters


def test_stage_times(run):
    dump, (_, stage_times, _) = run
    compare(stage_times, dump["stage_times"])
    assert StageTimes.from_dict(dump["stage_times"]) == stage_times
    assert StageTimes(**dump["stage_times"]) == stage_times
    assert [f"{stage.name}_ns" for stage in Stage.all()] == list(dump["stage_times"])


def test_snapshot(run):
    dump, (_, _, snapshot) = run
    compare(snapshot, dump["snapshot"], BESIDES)
    restored = TelemetrySnapshot.from_dict(dump["snapshot"])
    assert restored.to_dict() == dump["snapshot"]
    assert (restored == snapshot) == (snapshot.output is None), "the output is not in a record, its length is"


def test_violations(run):
    dump, (_, _, snapshot) = run
    found = [{"rule": type(violation).__name__, "message": str(violation)} for violation in snapshot.violations()]
    assert found == dump["violations"]


def test_the_runs_break_every_rule_or_none(run):
    dump, (_, _, snapshot) = run
    rules = {rule["rule"] for rule in dump["violations"]}
    assert all(issubclass(getattr(telemetry, rule), telemetry.SanityError) for rule in rules)
    if rules:
        with pytest.raises(telemetry.SanityError):
            snapshot.sanity_check()
    else:
        snapshot.sanity_check()
