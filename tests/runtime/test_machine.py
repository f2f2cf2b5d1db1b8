"""What a machine is called, on trees of the tests' own."""

import pytest

from bottlenet_tf.runtime import machine

CPU = "processor\t: 0\nmodel name\t: AMD EPYC 7B13\n\nprocessor\t: 1\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/cpuinfo").write_text(CPU)
    return tmp_path


def test_a_board_is_called_by_its_device_tree(root):
    # As the kernel writes it, with a zero at the end.
    model = root / "proc/device-tree/model"
    model.write_text("NVIDIA Jetson TX2\0")
    assert machine.name(root) == "NVIDIA Jetson TX2"
    assert machine.cpu_model(root) == "AMD EPYC 7B13"


def test_without_one_the_processor_names_it(root):
    assert machine.name(root) == "AMD EPYC 7B13"


def test_an_arm_processor_says_it_in_other_words(root):
    (root / "proc/cpuinfo").write_text("Processor : ARMv8 rev 1\n")
    assert machine.name(root) == "ARMv8 rev 1"


def test_nothing_to_read_still_gives_a_name(tmp_path):
    assert machine.name(tmp_path)
