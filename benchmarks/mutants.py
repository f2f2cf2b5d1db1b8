"""Whether the tests notice faults: mutates a line, runs its tests, expects red.

  python benchmarks/mutants.py               all, some ten minutes of one core
  python benchmarks/mutants.py payload cost  those with such a word in the name

Each mutant is a fault that someone could write. It is put into a copy of the
package, never into the checkout. Ends with code 1 if one survives, or if its
line isn't in the code any more.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[1]


class Mutant(NamedTuple):
    """One fault: `old` in a module of the package becomes `new`."""

    name: str
    module: str
    old: str
    new: str
    tests: str


# fmt: off
MUTANTS = (
    Mutant("payload: point outside the checksum", "codec/payload.py",
           "zlib.crc32(bytes((point,)), self.crc_start)", "self.crc_start",
           "codec/test_payload.py"),
    Mutant("payload: unit outside the checksum", "codec/payload.py",
           'crc = zlib.crc32(unit_id.to_bytes(4, "big"))', "crc = 0",
           "codec/test_payload.py"),
    Mutant("payload: any size is accepted", "codec/payload.py",
           "most_bytes=overhead + codec.max_bytes(shape)", "most_bytes=1 << 30",
           "codec/test_payload.py"),
    Mutant("range coder: carry rounded down", "codec/range_coder.py",
           "number = -(-low >> zeros) << zeros",
           "number = low >> zeros << zeros",
           "codec/test_range_coder.py"),
    Mutant("range coder: last symbol escapes", "codec/range_coder.py",
           "(offsets < 0) | (offsets >= escapes)",
           "(offsets < 0) | (offsets >= escapes - 1)",
           "codec/test_range_coder.py"),
    Mutant("tables: sums of the table before", "codec/tables.py",
           "cumulative -= np.repeat(before, sizes + 1)", "pass",
           "codec/test_tables.py codec/test_range_coder.py"),
    Mutant("tiling: columns before rows", "codec/tiling.py",
           "plane = tiles.transpose(0, 2, 1, 3)",
           "plane = tiles.transpose(1, 2, 0, 3)",
           "codec/test_plane_tiling.py"),
    Mutant("quantizer: truncates", "layers/quantizer.py",
           "return ops.round(level * (MAX_CODE / self.levels))",
           "return ops.floor(level * (MAX_CODE / self.levels))",
           "layers/test_quantizer.py"),
    Mutant("closed form: gradients don't count", "training/klt.py",
           "metric = (1 - identity_share) * metric + identity_share * even",
           "metric = even",
           "training/test_closed_form.py"),
    Mutant("closed form: least variance first", "training/closed_form.py",
           "np.argsort(-variances", "np.argsort(variances",
           "training/test_closed_form.py"),
    Mutant("closed form: no floor of the weights", "training/closed_form.py",
           "missing = max(least - share, 0)", "missing = 0",
           "training/test_closed_form.py"),
    Mutant("distillation: labels count twice", "training/losses.py",
           "(1.0 - distillation) * loss + distillation * imitation",
           "loss + distillation * imitation",
           "training/test_losses.py"),
    Mutant("byte limit: one more than allowed", "runtime/limit.py",
           "first_within(max_bytes, points, at_point)",
           "first_within(max_bytes + 1, points, at_point)",
           "runtime/test_limit.py"),
    Mutant("byte limit: the important ones are left out", "runtime/limit.py",
           "self._expendable[:left_out]", "self._expendable[-left_out:]",
           "runtime/test_limit.py"),
    Mutant("curves: bytes interpolated, not their logarithm",
           "common/rate_curves.py",
           "float(np.exp(np.interp(accuracy, accuracies, np.log(sizes))))",
           "float(np.interp(accuracy, accuracies, sizes))",
           "common/test_rate_curves.py"),
    Mutant("curves: beyond the last point", "common/rate_curves.py",
           "if accuracy > highest:", "if False:",
           "common/test_rate_curves.py"),
    Mutant("cost: the message's overhead is free", "selection/links.py",
           "return 8e-3 * self.on_air_bytes(num_bytes) / self.uplink_mbps",
           "return 8e-3 * num_bytes / self.uplink_mbps",
           "selection/test_links.py selection/test_costs.py"),
    Mutant("cost: waiting for the server is free", "selection/costs.py",
           "waited_ms = answer_ms + cloud_ms + decode_ms",
           "waited_ms = answer_ms + cloud_ms",
           "selection/test_costs.py"),
    Mutant("search: a rival never stops it", "search/bounds.py",
           "costs = [price.rival]", 'costs = [float("inf")]',
           "search/test_bounds.py"),
    Mutant("search: optimism against the split", "search/bounds.py",
           "return optimism * size", "return size / optimism",
           "search/test_bounds.py"),
    Mutant("data: subset not by class", "data/splits.py",
           'order = np.argsort(rounds, kind="stable")',
           "order = np.arange(len(rounds))",
           "data/test_splits.py"),
    Mutant("controller: switches for any gain", "link/controller.py",
           "needed = (1.0 - self._switch_gain) * costs[kept]",
           "needed = costs[kept]",
           "link/test_controller.py"),
    Mutant("controller: accuracy below the least", "link/controller.py",
           "candidates(plan.choices, min_accuracy, goal)",
           "candidates(plan.choices, 0.0, goal)",
           "link/test_controller.py"),
    Mutant("estimate: the server's time is the link's", "link/estimate.py",
           "network_ms = max(0.0, ms - computed - queued)", "network_ms = ms",
           "link/test_estimate.py"),
    Mutant("line: nothing is queued", "emulation/line.py",
           "begins = max(self._used_bits, possible)", "begins = possible",
           "emulation/test_line.py"),
)
# fmt: on


def main():
    """Runs the mutants whose names have a word of the command line."""
    words = sys.argv[1:]
    chosen = [
        m for m in MUTANTS if not words or any(w in m.name for w in words)
    ]
    if not chosen:
        sys.exit(f"No mutant has such a name. Received: {' '.join(words)}")
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for part in ("bottlenet_tf", "tests", "flags", "benchmarks"):
            shutil.copytree(ROOT / part, copy / part)
        for name in ("pyproject.toml", "train.py", "export.py", "setup.py"):
            shutil.copy(ROOT / name, copy)
        survived = [m.name for m in chosen if not _is_killed(m, copy)]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} killed.")
    sys.exit(1 if survived else 0)


def _is_killed(mutant, copy):
    path = copy / "bottlenet_tf" / mutant.module
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        print(f"not once in {mutant.module}: {mutant.old}", flush=True)
        return False
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    tests = [f"tests/{each}" for each in mutant.tests.split()]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0"]
    done = subprocess.run(
        command + tests,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    path.write_text(text, encoding="utf-8")
    # 1: tests failed. Anything else says nothing about the fault.
    killed = done.returncode == 1
    print(f"{'killed  ' if killed else 'SURVIVED'} {mutant.name}", flush=True)
    return killed


if __name__ == "__main__":
    main()
