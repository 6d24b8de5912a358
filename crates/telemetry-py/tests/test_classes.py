"""What Python adds: exceptions, context managers, printing, comparing, copying, pickling, threads."""

import copy
import json
import math
import pathlib
import pickle
import threading
import zlib

import pytest

import ron_accounting_telemetry as telemetry
from ron_accounting_telemetry import (
    SanityError,
    Stage,
    StageOverlapError,
    StageTimes,
    TelemetryCounters,
    TelemetrySnapshot,
    TelemetryTimer,
)

SOUND = dict(
    frames_data=2,
    frames_terminator=1,
    frames_digest=1,
    bytes_plaintext=1000,
    bytes_compressed=400,
    bytes_ciphertext=432,
    bytes_overhead=90,
)


def ticking():
    """A clock that shows 10, 20, 30, ..."""
    now = 0

    def clock():
        nonlocal now
        now += 10
        return now

    return clock


def test_the_installed_package_is_under_test():
    assert "site-packages" in pathlib.Path(telemetry.__file__).parts
    native = telemetry.TelemetryCounters.__module__
    assert native == "ron_accounting_telemetry"


def test_everything_public_is_documented():
    for name in telemetry.__all__:
        thing = getattr(telemetry, name)
        assert thing.__doc__, name
        own = {member: value for member, value in vars(thing).items() if not member.startswith("_")}
        for member, value in own.items():
            if not isinstance(value, Stage):
                assert value.__doc__, f"{name}.{member}"
    assert telemetry.__doc__


def test_the_program_of_the_readme_runs():
    readme = (pathlib.Path(__file__).parent.parent / "README.md").read_text()
    program = readme.split("```python\n")[1].split("```")[0]
    names = {"zlib": zlib, "data": b"data " * 100}
    exec(program, names)
    assert names["snapshot"].bytes_plaintext == 500


def test_counters_are_set_read_and_merged():
    one, other = TelemetryCounters(), TelemetryCounters(frames_data=3)
    for number, name in enumerate(SOUND):
        setattr(one, name, number)
        assert getattr(one, name) == number
    one += other
    one.merge(other)
    assert one.frames_data == 6
    one += one
    assert one.frames_data == 12
    one.frames_data = 2**64 - 1
    one += other
    assert one.frames_data == 2**64 - 1


@pytest.mark.parametrize("bad", [-1, 2**64, 1.5, "1", None])
def test_what_is_no_count_is_refused(bad):
    counters = TelemetryCounters()
    with pytest.raises((OverflowError, TypeError)):
        counters.add_header(bad)
    with pytest.raises((OverflowError, TypeError)):
        counters.frames_data = bad
    with pytest.raises((OverflowError, TypeError)):
        TelemetryCounters(frames_data=bad)
    assert counters == TelemetryCounters()


def test_sizes_of_a_frame_are_named():
    with pytest.raises(TypeError):
        TelemetryCounters().add_encrypt_data(1, 2, 3, 4)
    with pytest.raises(TypeError):
        TelemetryCounters().add_decrypt_data(plaintext=1, compressed=2, ciphertext=3)


def test_a_stage_is_a_context_manager():
    timer = TelemetryTimer(ticking())
    with timer.stage(Stage.READ) as guard:
        assert repr(guard) == "<StageGuard read>"
    assert timer.stage_times == StageTimes(read_ns=10)
    with timer.stage(Stage.READ):
        pass
    assert timer.stage_times.read_ns == 20
    assert timer.finish() == 50
    assert (timer.finish(), timer.elapsed_ns, timer.is_finished) == (50, 50, True)


def test_an_exception_inside_a_stage_is_timed_and_goes_on():
    timer = TelemetryTimer(ticking())
    with pytest.raises(KeyError), timer.stage(Stage.WRITE):
        raise KeyError("inside")
    assert timer.stage_times.write_ns == 10


def test_stages_of_one_timer_do_not_overlap():
    timer = TelemetryTimer(ticking())
    with timer.stage(Stage.READ):
        with pytest.raises(StageOverlapError, match="stage write cannot begin while read runs"):
            with timer.stage(Stage.WRITE):
                pass
    assert timer.stage_times == StageTimes(read_ns=10)
    with pytest.raises(StageOverlapError):
        timer.stage(Stage.READ).__exit__(None, None, None)


def test_an_error_of_the_clock_is_an_exception():
    readings = iter([1, 2])
    timer = TelemetryTimer(lambda: next(readings))
    with pytest.raises(StopIteration), timer.stage(Stage.READ):
        pass
    with pytest.raises(TypeError):
        TelemetryTimer(lambda: "now")
    with pytest.raises(OverflowError):
        TelemetryTimer(lambda: -1)


def test_the_systems_clock_and_threads():
    timer = TelemetryTimer()
    workers = [timer.worker() for _ in range(4)]

    def work(worker):
        for _ in range(100):
            with worker.stage(Stage.ENCRYPT):
                pass

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        timer.merge(worker)
    timer.finish()
    assert timer.workers == 4
    assert 0 < timer.stage_times.sum_ns() <= timer.elapsed_ns * 4
    snapshot = TelemetrySnapshot(TelemetryCounters(), timer)
    snapshot.sanity_check()
    assert snapshot.has_all_stages([Stage.ENCRYPT]) and not snapshot.has_all_stages(Stage.encryption())


def test_a_snapshot_cannot_be_changed():
    snapshot = TelemetrySnapshot(TelemetryCounters(**SOUND))
    for name in snapshot.to_dict():
        with pytest.raises(AttributeError):
            setattr(snapshot, name, 1)
    with pytest.raises(AttributeError):
        snapshot.other = 1
    snapshot.counters.frames_data = 77
    snapshot.stage_times.add_ns(Stage.READ, 77)
    assert snapshot.counters == TelemetryCounters(**SOUND)
    assert snapshot.stage_times == StageTimes()
    with_output = snapshot.attach_output(b"abc")
    assert (snapshot.output, with_output.output, with_output.bytes_output) == (None, b"abc", 3)
    assert snapshot != with_output


def test_empty_runs_have_defined_values():
    snapshot = TelemetrySnapshot(TelemetryCounters())
    assert (snapshot.compression_ratio, snapshot.throughput_bytes_per_sec) == (1.0, 0.0)
    extreme = TelemetrySnapshot(TelemetryCounters(bytes_plaintext=1, bytes_compressed=2**64 - 1))
    assert math.isfinite(extreme.compression_ratio)


BROKEN = {
    "DataWithoutFrames": (dict(SOUND, frames_data=0), None, dict(bytes=1000)),
    "DataVanished": (
        dict(SOUND, bytes_compressed=0),
        None,
        dict(bytes_plaintext=1000, bytes_compressed=0, bytes_ciphertext=432),
    ),
    "CiphertextTooShort": (dict(SOUND, bytes_ciphertext=1), None, dict(bytes_compressed=400, bytes_ciphertext=1)),
    "MissingTerminator": (dict(SOUND, frames_terminator=0, frames_digest=0), None, dict(frames_data=2)),
    "DigestWithoutTerminator": (dict(SOUND, frames_digest=9), None, dict(frames_digest=9, frames_terminator=1)),
    "MissingOverhead": (dict(SOUND, bytes_overhead=0), None, dict(frames=2)),
    "OutputLength": (SOUND, b"x", dict(bytes_output=1, encrypted=522, plaintext=1000)),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_is_an_exception_with_its_values(rule):
    counters, output, values = BROKEN[rule]
    snapshot = TelemetrySnapshot(TelemetryCounters(**counters))
    if output is not None:
        snapshot = snapshot.attach_output(output)
    with pytest.raises(getattr(telemetry, rule)) as caught:
        snapshot.sanity_check()
    assert {name: getattr(caught.value, name) for name in values} == values
    assert isinstance(caught.value, SanityError) and isinstance(caught.value, ValueError)
    assert [type(violation).__name__ for violation in snapshot.violations()] == [rule]


def test_stages_longer_than_the_run_are_an_exception_too():
    timer = TelemetryTimer(ticking())
    timer.add_ns(Stage.READ, 100)
    with pytest.raises(telemetry.StagesExceedElapsed) as caught:
        TelemetrySnapshot(TelemetryCounters(), timer).sanity_check()
    assert (caught.value.stages_ns, caught.value.elapsed_ns, caught.value.workers) == (100, 10, 1)
    rules = {name for name, thing in vars(telemetry).items() if isinstance(thing, type) and SanityError in thing.__bases__}
    assert rules == set(BROKEN) | {"StagesExceedElapsed"}


def values():
    timer = TelemetryTimer(ticking())
    with timer.stage(Stage.COMPRESS):
        pass
    timer.finish()
    snapshot = TelemetrySnapshot(TelemetryCounters(**SOUND), timer)
    return [*Stage.all(), StageTimes(read_ns=5), TelemetryCounters(**SOUND), snapshot, snapshot.attach_output(b"\0" * 522)]


@pytest.mark.parametrize("value", values(), ids=str)
def test_values_are_pickled_and_copied(value):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again == value and type(again) is type(value)
    assert copy.copy(value) == value == copy.deepcopy(value)
    if isinstance(value, TelemetrySnapshot):
        assert pickle.loads(pickle.dumps(value)).output == value.output
        assert hash(pickle.loads(pickle.dumps(value))) == hash(value)


def test_a_copy_is_its_own():
    counters = TelemetryCounters(**SOUND)
    other = copy.copy(counters)
    other.add_header(1)
    assert counters != other
    with pytest.raises(TypeError):
        hash(counters)


def test_a_timer_is_not_pickled():
    with pytest.raises(TypeError):
        pickle.dumps(TelemetryTimer())


def test_reprs_say_what_is_in_them():
    counters = TelemetryCounters(**SOUND)
    assert eval(repr(counters), vars(telemetry)) == counters
    times = StageTimes(write_ns=3)
    assert eval(repr(times), vars(telemetry)) == times
    assert repr(TelemetrySnapshot(counters)).startswith("TelemetrySnapshot(frames_data=2, frames_terminator=1, ")
    assert repr(TelemetryTimer(ticking())) == "<TelemetryTimer running, 0 ns in stages, 1 worker(s)>"
    assert (repr(Stage.READ), str(Stage.READ), Stage.READ.name) == ("Stage.READ", "read", "read")


def test_dictionaries_are_strict():
    fields = TelemetrySnapshot(TelemetryCounters(**SOUND)).to_dict()
    assert json.loads(json.dumps(fields)) == fields
    for name in fields:
        missing = {other: value for other, value in fields.items() if other != name}
        # None stands for no output, so that this one may be left out.
        if name != "bytes_output":
            with pytest.raises(ValueError, match=name):
                TelemetrySnapshot.from_dict(missing)
    with pytest.raises(ValueError, match="other"):
        TelemetrySnapshot.from_dict({**fields, "other": 1})
    with pytest.raises(ValueError):
        TelemetryCounters.from_dict({**SOUND, "frames_data": -1})
    with pytest.raises(ValueError, match="no stage is named `rest`"):
        Stage.from_name("rest")


def test_stages():
    assert [stage.name for stage in Stage.all()] == ["read", "compress", "encrypt", "decrypt", "decompress", "write"]
    assert [stage.name for stage in Stage.encryption()] == ["read", "compress", "encrypt", "write"]
    assert [stage.name for stage in Stage.decryption()] == ["read", "decrypt", "decompress", "write"]
    assert len({*Stage.all(), *Stage.encryption()}) == 6
    assert all(Stage.from_name(stage.name) == stage for stage in Stage.all())
