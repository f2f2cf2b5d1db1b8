"""Tests of folders whose labels.csv names several labels an image."""

import numpy as np
import pytest

from bottlenet_tf import data


@pytest.fixture
def table(tmp_path, write_image):
    """A function that writes a folder with this table; `{path: "0,1"}`."""

    def write(rows, header="file,cat,dog"):
        for seed, name in enumerate(rows):
            write_image(tmp_path / "photos" / name, seed)
        lines = [header, *(f"{name},{row}" for name, row in rows.items())]
        path = tmp_path / "photos" / "labels.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        return tmp_path / "photos"

    return write


def rows(count=20):
    return {f"a/{i:02}.png": f"{i % 2},{i // 2 % 2}" for i in range(count)}


def test_images_have_any_number_of_labels(table):
    dataset = data.load(table(rows()), image_size=20)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.task.output == "sigmoid"
    parts = dataset.train, dataset.validation, dataset.test
    assert [len(part) for part in parts] == [15, 2, 3]
    found = {}
    for part in parts:
        for name, row in zip(part.examples.identities, part.examples.labels):
            found[name] = ",".join(map(str, row))
    assert found == rows()


def test_batches_hold_the_rows(table):
    dataset = data.load(table(rows()), image_size=20)
    _, labels = next(iter(dataset.train_batches(4, epoch=0)))
    assert labels.shape == (4, 2)


def test_folders_of_train_and_test_divide_them(table):
    found = {
        f"{part}/{i}.png": "1,0"
        for part in ("train", "test", "val")
        for i in range(2)
    }
    dataset = data.load(table(found))
    for part in (dataset.train, dataset.test, dataset.validation):
        assert len(part) == 2
    assert dataset.test.examples.identities[0].startswith("test/")


def test_what_has_no_labels_is_counted(table, write_image, capsys):
    folder = table(rows())
    write_image(folder / "a" / "more.png", 99)
    assert data.load(folder).passed_over == {"images_without_labels": 1}
    assert "1 images without labels" in capsys.readouterr().out


def test_a_limit_keeps_all_sets_of_labels(table):
    dataset = data.load(table(rows()), max_train=4)
    assert len({tuple(row) for row in dataset.train.examples.labels}) == 4


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"a/x.png": "1"}, "line 22, 'a/x.png,1'"),
        ({"a/x.png": "1,2"}, "0 or 1"),
        ({"./a/00.png": "1,1"}, "'a/00.png', again in line 22"),
    ],
)
def test_a_wrong_line_is_named(table, more, message):
    with pytest.raises(ValueError, match=message):
        data.load(table({**rows(), **more}))


def test_a_missing_image_is_named(table):
    folder = table(rows())
    (folder / "a" / "07.png").unlink()
    with pytest.raises(ValueError, match="1 that aren't, .*a/07.png"):
        data.load(folder)


def test_two_classes_of_one_name_are_refused(table):
    with pytest.raises(ValueError, match="names of the classes"):
        data.load(table(rows(), "file,cat,cat"))


def test_class_indices_belong_to_one_class_an_image(table):
    with pytest.raises(ValueError, match="class_indices takes images of one"):
        data.load(table(rows()), class_indices=(0, 1))


def test_a_labels_csv_of_another_form_is_no_table(class_folder):
    (class_folder / "labels.csv").write_text("id,label\n")
    assert data.load(class_folder).task.output == "softmax"


def test_class_folders_give_rows_to_outputs_that_answer_alone(class_folder):
    dataset = data.load(class_folder)
    rows = dataset.for_output("sigmoid")
    assert rows.task.output == "sigmoid"
    np.testing.assert_array_equal(
        rows.test.examples.labels, np.eye(3)[dataset.test.examples.labels]
    )
    assert rows.inventory == dataset.inventory
    assert rows.test.fingerprint != dataset.test.fingerprint
