"""The closed-form start of a learned unit: no training step, no label.

```
features and gradients ─ patches ─ rows, columns ─ channels of each frequency
─ mixing: at each stage the KLT weighted by the tail's gradients, after which
one quantization step for all coefficients is best
```
"""

import dataclasses

import numpy as np

from bottlenet_tf.training.klt import (
    IDENTITY_SHARE,
    normalized,
    outer,
    weighted_klt,
)

AXIS_IDENTITY_SHARE = 0.1  # As `IDENTITY_SHARE`, for one axis.
# Share of all frequencies' statistics in those of one, which are few.
SHRINKAGE = 0.3
# A frequency without gradient (all but one, before global pooling) counts as
# this much of the mean one; else its inverse transform would have no bound.
LEAST_WEIGHT = 0.1


@dataclasses.dataclass(frozen=True)
class ClosedForm:
    """The linear transform of a feature and its inverse.

    Shapes: d channels of a patch, h x w patches, n kept coefficients, m values
    that are mixed to k.

    Attributes:
        patches: `patch_klt.Patches`; None if a unit keeps its own.
        rows, columns: `(h, h)` and `(w, w)`, and their inverses.
        frequencies: `(h w, d, d)` or `(1, d, d)`, and its inverse.
        kept: int `(m + n - k,)`, places in the grid, most variance first.
        offset: `(m + n - k,)`, subtracted before mixing.
        mixing: `(m, k)` and its inverse.
        scale: `(n,)`, factors of the coefficients after mixing, by which equal
            quantization errors change the answer equally.
        deviations: `(n,)`, standard deviations after that.
    """

    patches: object
    rows: np.ndarray
    unrows: np.ndarray
    columns: np.ndarray
    uncolumns: np.ndarray
    frequencies: np.ndarray
    unfrequencies: np.ndarray
    kept: np.ndarray
    offset: np.ndarray
    mixing: np.ndarray
    unmixing: np.ndarray
    scale: np.ndarray
    deviations: np.ndarray


def solve(patches, z, g, *, coefficients, mixed, mixed_to, shared=False):
    """Computes the transform of a split from some images' statistics.

    At every stage, with S the covariance of its input and G the mean outer
    product of the gradients (their identity share included), the analysis is
    V^T G^1/2 with V the eigenvectors of G^1/2 S G^1/2: the KLT in the metric in
    which a small error's size is its change of the answer.

    Args:
        patches: `patch_klt.Patches`; None for the transform after them.
        z, g: float32 `(images, h, w, d)`, as `Patches.project` returns them.
        coefficients, mixed, mixed_to, shared: As in
            `layers.learned.transform.Analysis`.
    """
    count, *_, channels = z.shape
    # So that weights have ordinary sizes; `scale` undoes it.
    size = max(np.sqrt(np.vdot(g, g) / g.size), 1e-30)
    g = g / np.float32(size)
    rows, unrows = _axis_klt(z, g, axis=1)
    columns, uncolumns = _axis_klt(z, g, axis=2)
    u = _grid(rows, columns, z)
    g = _grid(unrows.T, uncolumns.T, g)
    u, g = (v.reshape(count, -1, channels) for v in (u, g))
    frequencies, unfrequencies, variances = _channel_klts(u, g, shared)
    v = np.matmul(u.transpose(1, 0, 2), frequencies).transpose(1, 0, 2)
    g = np.matmul(g.transpose(1, 0, 2), unfrequencies.transpose(0, 2, 1))
    g = g.transpose(1, 0, 2).reshape(count, -1)
    count_kept = mixed + coefficients - mixed_to
    kept = np.argsort(-variances.reshape(-1), kind="stable")[:count_kept]
    c, g = v.reshape(count, -1)[:, kept], g[:, kept]
    offset = c.mean(0)
    c = c - offset
    mixing, unmixing, _ = weighted_klt(
        outer(c[:, :mixed]), outer(g[:, :mixed]), SHRINKAGE
    )
    mixing, unmixing = mixing[:, :mixed_to], unmixing[:mixed_to]
    c = np.concatenate([c[:, :mixed] @ mixing, c[:, mixed:]], axis=1)
    # The mixing already has the metric; the rest has its own.
    metric = np.square(g, dtype=np.float64).mean(0)
    metric = (1 - SHRINKAGE) * metric + SHRINKAGE * metric[
        : mixed or None
    ].mean()
    scale = np.concatenate([np.ones(mixed_to), np.sqrt(metric[mixed:])])
    scale = size * scale
    return ClosedForm(
        patches=patches,
        rows=rows,
        unrows=unrows,
        columns=columns,
        uncolumns=uncolumns,
        frequencies=frequencies,
        unfrequencies=unfrequencies,
        kept=kept,
        offset=offset,
        mixing=mixing,
        unmixing=unmixing,
        scale=scale.astype(np.float32),
        deviations=c.std(0) * scale,
    )


def assign(unit, form):
    """Gives a built `LearnedUnit` the weights of a `ClosedForm`.

    Gains are the form's scale; the synthesis is the exact inverse.
    """
    projection, synthesis = unit.analysis.projection, unit.synthesis
    patch, mean, deviation, forward, inverse = form.patches
    repeated = np.tile(deviation, patch * patch)[:, None]
    kernel = forward / repeated
    shift = -np.tile(mean, patch * patch) @ kernel
    projection.kernel.assign(
        kernel.reshape(patch, patch, len(mean), -1).astype(np.float32)
    )
    projection.bias.assign(shift)
    neighbours = np.zeros(synthesis.neighbours.kernel.shape, np.float32)
    depth = len(inverse)
    neighbours[1, 1, :, :depth] = np.eye(depth)
    synthesis.neighbours.kernel.assign(neighbours)
    pixels = np.zeros(synthesis.pixels.kernel.shape, np.float32)
    pixels[0, 0, :depth] = inverse * repeated.T
    synthesis.pixels.kernel.assign(pixels)
    synthesis.pixels.bias.assign(np.tile(mean, patch * patch))
    unit.feature_mean.assign(mean)
    unit.feature_deviation.assign(deviation)
    assign_grid(unit, form)


def assign_grid(unit, form):
    """As `assign`, but patches and convolutions stay."""
    analysis, synthesis = unit.analysis, unit.synthesis
    for layer, prefix in ((analysis, ""), (synthesis, "un")):
        for name in ("rows", "columns", "frequencies"):
            getattr(layer, name).assign(getattr(form, prefix + name))
        layer.kept.assign(form.kept)
        layer.offset.assign(form.offset)
        if layer.mixing is not None:
            layer.mixing.assign(getattr(form, prefix + "mixing"))
    places = np.full(synthesis.places.shape, len(form.kept), np.int32)
    places[form.kept] = np.arange(len(form.kept))
    synthesis.places.assign(places)
    unit.log_gain.assign(np.log(form.scale))
    unit.log_step.assign(-np.log(form.scale))
    unit.prior.start_from(form.deviations / form.scale)


def _axis_klt(z, g, axis):
    """Returns the transform along one axis of the grid, and its inverse."""
    side = z.shape[axis]
    z, g = (np.moveaxis(v, axis, -1).reshape(-1, side) for v in (z, g))
    metric = normalized(outer(g))
    forward, inverse, _ = weighted_klt(outer(z), metric, AXIS_IDENTITY_SHARE)
    return forward.T, inverse.T


def _grid(rows, columns, z):
    """Returns rows z columns^T for every channel."""
    count, height, width, depth = z.shape
    z = np.matmul(rows, z.reshape(count, height, -1))
    return np.matmul(columns, z.reshape(count, height, width, depth))


def _channel_klts(u, g, shared):
    """Returns the channels' transforms, inverses and variances by frequency."""
    u = u - u.mean(0)
    together = [outer(v.reshape(-1, v.shape[-1])) for v in (u, g)]
    if shared:
        forward, inverse, _ = weighted_klt(*together, IDENTITY_SHARE)
        c, g = u @ forward, g @ inverse.T
        variances = np.square(c).mean(0) * np.square(g).mean(0)
        return forward[None], inverse[None], variances
    results = []
    for f in range(u.shape[1]):
        covariance, metric = (
            _shrunk(outer(v[:, f]), all_of, least)
            for v, all_of, least in zip((u, g), together, (0, LEAST_WEIGHT))
        )
        results.append(weighted_klt(covariance, metric, IDENTITY_SHARE))
    return tuple(np.stack(part) for part in zip(*results))


def _shrunk(own, all_of, least):
    """Returns one frequency's statistics, shrunk towards those of all."""
    share = np.trace(own) / max(np.trace(all_of), 1e-30)
    missing = max(least - share, 0)
    return (1 - SHRINKAGE) * own + (SHRINKAGE * share + missing) * all_of
