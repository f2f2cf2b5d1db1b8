"""Tests of the README that a deployment brings."""

import re


def test_the_guide_names_files_that_are_there(both):
    text = (both / "README.md").read_text()
    for name in ("range", "learned"):
        assert f"`{name}`" in text
        assert (both / name / "edge" / "encode.py").is_file()
        assert f"| {name} | tail.onnx |" in text
    for path in re.findall(r"/models/(\S+)", text):
        assert (both / "cloud" / "serving" / path).is_file()
    (repository,) = re.findall(r"--model-repository=(\S+)", text)
    assert (both / repository).is_dir()


def test_every_commands_example_loads(both):
    from bottlenet_tf.runtime.cloud import Tail

    text = (both / "README.md").read_text()
    (folder,) = re.findall(r'Tail\.load\("(.*?)"\)', text)
    assert Tail.load(both / folder).unit.name == "learned"
