"""Recorded traces: both formats, and files that are neither."""

import json

import pytest

from bottlenet_tf.emulation import load, trace_files


def _file(tmp_path, content):
    path = tmp_path / "recorded.up"
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    return path


def _periods(*rows):
    return json.dumps(
        [
            {"duration_ms": ms, "bandwidth_kbps": kbps, "latency_ms": 100}
            for ms, kbps in rows
        ]
    )


def test_mahimahi_lists_opportunities(tmp_path):
    trace = load(_file(tmp_path, "1\n1\r\n4\n\n8\n"))
    assert trace.name == "recorded.up"
    assert trace.duration_s == 0.008
    assert trace.mean_mbps == pytest.approx(4 * 12_000 / 0.008 / 1e6)
    # Two at 1 ms, one at 4 ms.
    assert trace.sent_at(0, 3001) == pytest.approx(0.004)


def test_sabre_lists_periods(tmp_path):
    trace = load(_file(tmp_path, _periods((1000, 80), (500, 0), (500, 16))))
    assert trace.duration_s == 2
    assert trace.mean_mbps == pytest.approx((80e3 + 8e3) / 2 / 1e6)
    # 10,000 bytes in the first second, 1000 bits from 1.5 s on.
    assert trace.sent_at(0, 10_125) == pytest.approx(1.5 + 1000 / 16e3)


def test_a_period_of_no_time_is_passed_over(tmp_path):
    trace = load(_file(tmp_path, _periods((0, 5), (1000, 8), (0, 9))))
    assert trace.sent_at(0, 1000) == pytest.approx(1)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("1\n-2\n", "line=2"),
        ("1\n2.5\n", "line=2"),
        ("5\n4\n", "not decrease"),
        ("0\n0\n", "longer than 0"),
        ("1\n1000000001\n", "line=2"),
        pytest.param("9" * 100_000, "line=1", id="nines"),
        ("1 2\n", "line=1"),
        ("1\n²\n", "line=2"),
        (b"\xff\xfe\x00", "line=1"),
        ("[1, 2", "must be JSON"),
        pytest.param("[" * 100_000, "must be JSON", id="brackets"),
        (b'["\xff"]', "must be JSON"),
        ("[]", "at least one period"),
        ('{"duration_ms": 1}', "must be a list"),
        ("[3]", "element=0"),
        ('[{"duration_ms": 5}]', "bandwidth_kbps"),
        (_periods((1, 5), (-1, 5)), "element=1"),
        (_periods((1, -5)), "bandwidth_kbps"),
        (_periods((1, "5")), "bandwidth_kbps"),
        (_periods((True, 5)), "duration_ms"),
        (_periods((1, float("nan"))), "bandwidth_kbps"),
        (_periods((1, float("inf"))), "bandwidth_kbps"),
        pytest.param(_periods((10**400, 5)), "duration_ms", id="huge"),
        (_periods((10**9, 5), (10**9, 5)), "at most"),
        (_periods((0, 5)), "longer than 0"),
        (_periods((1, 0), (2, 0)), "have capacity"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(_file(tmp_path, content))
    assert len(str(caught.value)) < 500


def test_a_huge_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(trace_files, "MAX_FILE_BYTES", 8)
    assert load(_file(tmp_path, "1\n2\n333\n"))
    with pytest.raises(ValueError, match="exceed 8 bytes"):
        load(_file(tmp_path, "1\n2\n333\n\n"))


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError):
        load(tmp_path / "none")
