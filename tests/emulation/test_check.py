"""The link's check: what it accepts, repeats and refuses; without a clock."""

import pytest

from bottlenet_tf.emulation import check_link

RATES = (1.1, 5.85, 18.88)


class _Link:
    form, scheduling = "proxy", "not at all"

    def restart(self, settings):
        (line, _) = settings.lines()
        self.mbps = line.trace.mean_mbps
        self.delay_ms = settings.delay_ms


class _Timed:
    """Messages that are late by what is given, one after the other."""

    def __init__(self, *late_ms):
        self.link = _Link()
        self.late_ms = list(late_ms)
        self.sent = 0

    def one_way_s(self, num_bytes):
        late_ms = self.late_ms[min(self.sent, len(self.late_ms) - 1)]
        self.sent += 1
        exact_ms = num_bytes * 8 / self.link.mbps / 1e3
        return (exact_ms + self.link.delay_ms + late_ms) / 1e3


def test_the_expected_times_are_arithmetic():
    result = check_link(_Timed(0), RATES, delay_ms=10)
    # 316 * 8 / 1.1 = 2298 µs, 26,766 * 8 / 18.88 = 11,342 µs.
    assert len(result.cells) == 6
    assert result.cells[0].expected_ms == pytest.approx(12.298, abs=1e-3)
    assert result.cells[-1].expected_ms == pytest.approx(21.342, abs=1e-3)
    assert result.passed
    assert "agrees" in result.summary()


@pytest.mark.parametrize("late_ms, passes", [(0.29, True), (0.31, False)])
def test_small_messages_may_be_late_by_300_microseconds(late_ms, passes):
    result = check_link(_Timed(late_ms), RATES, sizes=(316,))
    assert result.passed == passes


@pytest.mark.parametrize("late_ms, passes", [(5.8, True), (5.9, False)])
def test_large_ones_by_3_percent(late_ms, passes):
    # 3 % of 194.66 ms is 5.84 ms.
    result = check_link(_Timed(late_ms), (1.1,), sizes=(26_766,))
    assert result.passed == passes


def test_being_early_is_being_off():
    result = check_link(_Timed(-0.4), RATES)
    assert not result.passed
    assert "NOT" in result.summary()


def test_the_median_counts():
    one_late = _Timed(0, 0, 50, 0, 50, 0, 50)
    result = check_link(one_late, (5.85,), sizes=(316,), sends=7)
    assert result.passed
    assert result.cells[0].attempts == 1
    assert result.cells[0].most_ms > 50


def test_a_cell_that_is_off_is_measured_again():
    late_twice = _Timed(*[9] * 6, 0)
    (cell,) = check_link(late_twice, (5.85,), sizes=(316,), sends=3).cells
    assert cell.agrees and cell.attempts == 3


def test_a_cell_that_stays_off_is_given_up():
    always = _Timed(9)
    (cell,) = check_link(always, (5.85,), sizes=(316,), sends=3).cells
    assert not cell.agrees and cell.attempts == 3
    assert always.sent == 9


def test_one_cell_that_is_off_fails_the_whole():
    # The last of six cells.
    late_at_the_end = _Timed(*[0] * 35, *[9] * 100)
    result = check_link(late_at_the_end, RATES, sends=7)
    assert [cell.agrees for cell in result.cells] == [True] * 5 + [False]
    assert not result.passed
    assert "26766 bytes at 18.88" in result.summary()


def test_a_table_says_which_cells_are_off():
    # The largest tolerance is 5.84 ms.
    lines = check_link(_Timed(9), RATES).markdown()
    assert [line.split()[-2] for line in lines[2:]] == ["NO"] * 6
