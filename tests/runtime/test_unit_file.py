"""Tests of unit.json: what is read, and what is refused by name."""

import hashlib
import json

import pytest

from bottlenet_tf.codec import PayloadFormat, create_codec
from bottlenet_tf.runtime import unit_file
from tests.jpeg_libraries import coarser, encoding_by


@pytest.fixture
def path(tmp_path):
    return tmp_path / "unit.json"


def test_every_field_is_handed_on(path, hand):
    codec = {"name": "jpeg", "config": {"quality": [30, 60]}}
    content = hand.unit_content(
        codec=codec,
        resize=9,
        points=[30, 60],
        default_point=1,
        takes_point=True,
    )
    path.write_text(json.dumps(content))
    unit = unit_file.read(path)
    assert unit == unit_file.UnitFile(
        name="tiny",
        format=PayloadFormat(
            1234, (4, 4, 2), create_codec("jpeg", quality=[30, 60]), True
        ),
        image_size=8,
        resize=9,
        classes=("cat", "dog", "newt"),
        sha256={},
        default_point=1,
        takes_point=True,
    )
    assert unit.points == (30, 60)


def test_a_library_with_other_tables_than_the_exports_is_refused(path, hand):
    codec = {"name": "jpeg", "config": {"quality": 30}}
    constant = create_codec("jpeg", quality=30).constant_bytes((4, 4, 2))
    digest = hashlib.sha256(constant).hexdigest()
    content = hand.unit_content(codec=codec, codec_sha256=digest, points=[30])
    path.write_text(json.dumps(content))
    unit_file.read(path)
    with encoding_by(coarser):
        with pytest.raises(ValueError, match=f"(?s)library.*{digest}"):
            unit_file.read(path)


@pytest.fixture
def engine(tmp_path, path, hand):
    """Path of an engine whose graph the unit knows; and that graph's hash."""
    digest = unit_file.file_sha256(__file__)
    path.write_text(json.dumps(hand.unit_content(sha256={"head.onnx": digest})))
    (tmp_path / "head.engine").write_bytes(b"engine")
    return tmp_path / "head.engine", digest


def test_an_engine_of_the_units_own_graph_passes(path, engine):
    file, digest = engine
    (path.parent / "head.engine.sha256").write_text(f"{digest}\n")
    unit_file.check_network(unit_file.read(path), str(file))


@pytest.mark.parametrize("note", ["0" * 64, "", None])
def test_an_engine_of_another_graph_is_refused(path, engine, note):
    file, _ = engine
    if note is not None:
        (path.parent / "head.engine.sha256").write_text(note)
    with pytest.raises(ValueError, match="build it here with build_head.sh"):
        unit_file.check_network(unit_file.read(path), str(file))


def test_a_file_without_a_known_hash_passes(path, engine):
    file, _ = engine
    path.with_name("other.tflite").write_bytes(b"any")
    unit = unit_file.read(path)
    unit_file.check_network(unit, str(path.with_name("other.tflite")))
    unit_file.check_network(unit._replace(sha256={}), str(file))


def test_names_may_hold_any_letters(path, hand):
    content = hand.unit_content(classes=["Kätzchen", "子犬"])
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    assert unit_file.read(path).classes == ("Kätzchen", "子犬")


def test_a_field_of_a_later_version_is_passed_over(path, hand):
    path.write_text(json.dumps(hand.unit_content(note="made today")))
    assert unit_file.read(path).name == "tiny"


@pytest.mark.parametrize(
    "field",
    [
        "format", "name", "unit_id", "code_shape", "classes", "resize",
        "points", "default_point", "takes_point",
    ],
)  # fmt: skip
def test_a_missing_field_is_named(path, hand, field):
    content = hand.unit_content()
    del content[field]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"unit.json must have.*'{field}'"):
        unit_file.read(path)


@pytest.mark.parametrize(
    "field, value",
    [
        ("format", "bottlenet_tf.unit.2"),
        ("format", "bottlenet_tf.unit.4"),
        ("name", ""),
        ("name", 7),
        ("unit_id", -1),
        ("unit_id", 2**32),
        ("unit_id", 1.0),
        ("unit_id", True),
        ("code_shape", [4, 4]),
        ("code_shape", [4, 0, 2]),
        ("code_shape", "442"),
        ("sends_range", 1),
        ("sends_range", None),
        ("codec", "jpeg"),
        ("codec", {"name": "jpeg"}),
        ("codec", {"name": "jpeg", "config": []}),
        ("codec", {"name": ["jpeg"], "config": {}}),
        ("codec", {"name": "webp", "config": {}}),
        ("codec", {"name": "jpeg", "config": {"quality": 101}}),
        ("codec", {"name": "jpeg", "config": {"level": 1}}),
        ("codec_sha256", 7),
        ("points", []),
        ("points", None),
        ("points", [20]),  # PNG has one point, which is nothing.
        ("points", [None, None]),
        ("default_point", -1),
        ("default_point", 1),
        ("default_point", True),
        ("takes_point", 0),
        ("image_size", 0),
        ("image_size", "32"),
        ("resize", 8.5),
        ("resize", 7),
        ("classes", []),
        ("classes", {"cat": 0}),
        ("classes", ["cat", 3]),
    ],
)
def test_an_unusable_value_is_named_with_file_and_field(
    path, hand, field, value
):
    path.write_text(json.dumps(hand.unit_content(**{field: value})))
    with pytest.raises(ValueError, match=f"unit.json: field '{field}'"):
        unit_file.read(path)


def test_a_tail_that_takes_points_needs_numbers(path, hand):
    path.write_text(json.dumps(hand.unit_content(takes_point=True)))
    with pytest.raises(ValueError, match="field 'points' must be numbers"):
        unit_file.read(path)


def test_codes_too_large_for_the_codec_are_refused(path, hand):
    content = hand.unit_content(
        code_shape=[65497, 1, 1], codec={"name": "jpeg", "config": {}}
    )
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="'code_shape'.*65500"):
        unit_file.read(path)


@pytest.mark.parametrize(
    "data", [b"", b'{"format": "bottlenet', b"\xff\xfe", b"PK\3\4"]
)
def test_a_damaged_file_is_named(path, data):
    path.write_bytes(data)
    with pytest.raises(ValueError, match="unit.json must be JSON"):
        unit_file.read(path)


@pytest.mark.parametrize("text", ["[]", '"unit"', "3"])
def test_json_that_is_no_object_is_refused(path, text):
    path.write_text(text)
    with pytest.raises(ValueError, match="must be a JSON object"):
        unit_file.read(path)


@pytest.mark.parametrize("side", ["edge", "cloud"])
def test_a_side_is_found_in_the_deployment_and_alone(deploy, side):
    folder = deploy()
    alone = str(folder / side)
    assert unit_file.find_folder(folder, side) == alone
    assert unit_file.find_folder(alone, side) == alone


def test_a_folder_without_unit_json_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"folder='{tmp_path}'"):
        unit_file.find_folder(tmp_path, "edge")


def test_a_deployment_of_several_runs_names_them(tmp_path):
    for name in ("rb3", "rb6"):
        (tmp_path / name / "edge").mkdir(parents=True)
        (tmp_path / name / "edge" / "unit.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="one of them: rb3, rb6"):
        unit_file.find_folder(tmp_path, "edge")
