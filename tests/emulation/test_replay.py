"""Replays by hand-made traces, and what holds for any trace."""

import pytest

from bottlenet_tf.emulation import replay, replay_table
from bottlenet_tf.emulation.controlled import Controlled
from bottlenet_tf.emulation.policies import Fixed, Oracle
from bottlenet_tf.emulation.replay import summary
from bottlenet_tf.emulation.traces import Trace
from bottlenet_tf.emulation.world import World
from bottlenet_tf.link.goals import candidates
from tests import replay_plans

SPLITS = {"early": (0.2, ((400.0, 400, 90.0),))}
CLOUD = (("avif", 75, 32, 9000.0, 90.2),)
# One that changes, is silent and comes back.
CHANGING = Trace.piecewise(
    [(0, 20e6), (5, 1e6), (10, 0.0), (13, 0.05e6), (18, 6e6)], 25.0
)


def world(trace=1.0, plan=None, **options):
    if not isinstance(trace, Trace):
        trace = Trace.constant(trace)
    options.setdefault("overhead_bytes", 100.0)
    plan = plan or replay_plans.make(SPLITS, CLOUD, 91.7, 100.0, 0.0, 80.0)
    return World(plan, trace, **options)


def random_trace(seed):
    """Packet opportunities as a radio link has them, silences included."""
    import random

    generator, times, now = random.Random(seed), [], 0
    while now < 60_000:
        now += int(generator.expovariate(1 / generator.choice([5, 15, 60])))
        if generator.random() < 0.002:
            now += generator.randrange(500, 6000)
        times.append(now)
    return Trace.opportunities(times)


def test_a_fixed_choice_takes_the_sum_of_its_parts():
    # 20 ms and 0.5 of head and codec, 500 B at 1 Mbit/s, 30 ms, 0.7 ms.
    here = world(rtt_ms=30.0)
    records = replay.run(Fixed(here, here.plan.choices[0]), 1.0)
    assert records[3].latency_ms == pytest.approx(20.5 + 4.0 + 30.0 + 0.7)
    assert len(records) == 19  # 55.2 ms each, begun before the second's end.


def test_mobile_only_needs_no_link():
    here = world(rtt_ms=1e5)
    records = replay.run(Fixed(here, here.plan.whole), 1.0, rate=5)
    assert [r.latency_ms for r in records] == pytest.approx([100.0] * 5)
    assert [r.arrived_s for r in records] == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_images_that_come_too_fast_wait_for_the_device():
    here = world()
    records = replay.run(Fixed(here, here.plan.whole), 0.3, rate=20)
    waits = [r.latency_ms for r in records]
    assert waits == pytest.approx([100 + 50 * i for i in range(6)])


def test_a_cut_holds_a_fixed_choice_up_to_its_end():
    here = world(1.0, outages=((0.01, 3.0),))
    (first, *_) = replay.run(Fixed(here, here.plan.choices[0]), 1.0)
    assert first.answered_s == pytest.approx(3.0 + 0.004 + 0.0007)


def test_sizes_are_those_of_the_plan():
    plan = replay_plans.small_images()
    here = world(plan=plan)
    choice = plan.choices[0]
    sizes = sorted(here.wire_bytes(choice, i) for i in range(4000))
    assert sum(sizes) / 4000 == pytest.approx(choice.bytes_mean, rel=0.02)
    assert sizes[3800] == pytest.approx(choice.bytes_p95, rel=0.02)


@pytest.mark.parametrize("rate", [None, 8.0])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_answered_before_the_oracle(seed, rate):
    here = world(
        random_trace(seed), replay_plans.large_images(), rtt_ms=20.0,
        outages=((20.0, 23.0),),
    )  # fmt: skip
    choices = candidates(here.plan.choices, 0.0, "latency")
    best = replay.run(Oracle(here, choices), 60, rate)
    for policy in (
        Controlled(here),
        *(Fixed(here, choice) for choice in choices),
    ):
        for ours, theirs in zip(best, replay.run(policy, 60, rate)):
            assert ours.answered_s <= theirs.answered_s + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_more_accurate_in_time_than_the_oracle(seed):
    here = world(random_trace(seed), replay_plans.small_images(), rtt_ms=20.0)
    found = replay.replay_trace(
        here, 60, 3.0, 250.0, goal="accuracy"
    )[0]["policies"]  # fmt: skip
    most = found["oracle"]["accuracy_in_time"]
    for values in found.values():
        assert values["accuracy_in_time"] <= most + 1e-9


def test_the_controller_is_near_the_oracle_on_a_link_that_changes():
    here = world(CHANGING, rtt_ms=10.0)
    found = replay.replay_trace(here)[0]
    ours = found["policies"]["controller"]
    assert ours["to_oracle"] <= 1.10
    assert ours["to_best_fixed"] <= 1.02


@pytest.mark.parametrize("mbps", [0.3, 1.1, 18.88])
@pytest.mark.parametrize(
    "images", ["small_images", "large_images", "raw_images"]
)
def test_on_a_constant_line_it_soon_is_the_best_choice(mbps, images):
    here = world(mbps, getattr(replay_plans, images)(), rtt_ms=20.0)
    records = replay.run(Controlled(here), 30.0)
    choices = candidates(here.plan.choices, 0.0, "latency")
    best = replay.run(Oracle(here, choices), 30.0)
    late = [r.latency_ms for r in records if r.arrived_s > 5]
    least = [r.latency_ms for r in best if r.arrived_s > 5]
    mean, best_mean = (sum(x) / len(x) for x in (late, least))
    assert mean <= 1.02 * best_mean


@pytest.mark.parametrize("outages", [(), ((10.0, 13.0), (20.0, 35.0))])
def test_every_deadline_is_met_where_mobile_only_fits(outages):
    plan = replay_plans.small_images()
    for seed in range(3):
        here = world(random_trace(seed), plan, rtt_ms=20.0, outages=outages)
        for deadline_ms in (135.0, 170.0, 250.0):
            policy = Controlled(here, deadline_ms, goal="accuracy")
            records = replay.run(policy, 60, 1e3 / deadline_ms)
            found = summary(records, deadline_ms)
            assert found["in_time"] == 1.0
            assert found["accuracy_in_time"] >= 0.97 * 92.11


@pytest.mark.parametrize("mbps", [1.1, 5.85, 18.88])
@pytest.mark.parametrize(
    "images", ["small_images", "large_images", "raw_images"]
)
@pytest.mark.parametrize("cut_s", [1.0, 3.0, 15.0, 30.0])
def test_the_link_is_used_half_a_second_after_a_cut(cut_s, images, mbps):
    plan = getattr(replay_plans, images)()
    for phase in range(10):
        # Of images at the cut's begin, of images and probes at its end.
        begin_s = 5.0 + 0.0171 * phase
        end_s = begin_s + cut_s + 0.0113 * phase
        here = world(mbps, plan, rtt_ms=20.0, outages=((begin_s, end_s),))
        records = replay.run(Controlled(here), end_s + 1.0)
        during = [
            r for r in records if begin_s + 0.6 < r.arrived_s < end_s - 0.2
        ]
        assert {r.choice.way for r in during} <= {"device"}
        back = next(
            r for r in records if r.choice.sends and r.answered_s > end_s
        )
        # A probe's interval, the image under way and the first one sent.
        assert back.answered_s - end_s <= 0.5


def test_a_replay_is_reproducible():
    def once():
        here = world(random_trace(1), rtt_ms=20.0)
        return replay.replay_trace(here, 20.0)[0]

    assert once() == once()


def test_all_policies_are_reported(tmp_path):
    here = world(CHANGING, rtt_ms=10.0)
    trace, records = replay.replay_trace(here, 3.0)
    assert list(trace["policies"]) == [
        "oracle", "controller", "harmonic mean", "early at point 0",
        "mobile-only", "cloud-only avif 75",
    ]  # fmt: skip
    assert trace["best_fixed"] == "cloud-only avif 75"
    assert trace["policies"]["oracle"]["to_oracle"] == 1.0
    assert trace["policies"]["oracle"]["energy_mj"] is None  # No radio.
    assert trace["policies"]["controller"]["images"] == len(records)
    content = replay.values(
        [trace], here, "latency", None, None, ["bottlenet-replay"]
    )
    assert len(replay_table.lines(content)) == 2 + 4
    assert "bottlenet-replay" in replay_table.markdown(content)


def test_what_is_set_aside_is_answered_once_at_the_end():
    # 100 ms for mobile-only, 80 for an image, and a cut of which nothing
    # passes: some 20 images can't be in time, and hold up no other.
    here = world(1.0, rtt_ms=10.0, outages=((2.0, 4.0),))
    found = replay.policies(here, "accuracy", 90.0, set_aside=True)
    for name in ("oracle", "controller"):
        records = replay.run(found[name], 10.0, 1e3 / 90.0)
        late = [r for r in records if r.choice is here.plan.whole]
        assert len(records) == 112 and 20 <= len(late) <= 27
        assert min(r.answered_s for r in late) > records[-1].arrived_s
        assert late[-1].answered_s - late[0].answered_s == pytest.approx(
            0.1 * (len(late) - 1)
        )


def test_energy_counts_what_a_fallback_computes_again():
    plan = replay_plans.make(SPLITS, (), 91.7, 100.0, 0.0, 80.0)
    radio = plan.radios["4g"]._replace(uplink_mw=0.0, waiting_mw=0.0)
    here = world(
        CHANGING, plan, rtt_ms=10.0, radio=radio, outages=((1.0, 2.0),)
    )
    records = replay.run(Controlled(here), 2.0)
    again = [r for r in records if r.choice is not r.tried]
    assert again
    for record in again:
        assert record.energy_mj == pytest.approx(0.2 * 200 + 200)


def test_late_answers_count_as_wrong():
    here = world()
    records = replay.run(Fixed(here, here.plan.whole), 1.0, rate=5)
    found = summary(records, deadline_ms=99.0)
    assert (found["in_time"], found["accuracy_in_time"]) == (0.0, 0.0)
    found = summary(records, deadline_ms=100.0)
    assert found["in_time"] == 1.0
    assert found["accuracy_in_time"] == pytest.approx(91.7)


@pytest.mark.parametrize("rtt_ms", [-1.0, float("nan")])
def test_impossible_round_trips_are_refused(rtt_ms):
    with pytest.raises(ValueError, match="rtt_ms"):
        world(rtt_ms=rtt_ms)
