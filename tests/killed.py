"""Training that is killed before a step."""

from bottlenet_tf.training.loop import Loop


def kill_before(patch, fatal_step):
    """Has every loop raise KeyboardInterrupt before a step.

    Args:
        patch: `pytest.MonkeyPatch`.
        fatal_step: The step, counted from 0.
    """
    take_step = Loop._step

    def step_or_die(self, step, *batch):
        if step == fatal_step:
            raise KeyboardInterrupt
        return take_step(self, step, *batch)

    patch.setattr(Loop, "_step", step_or_die)
