"""A deployment folder appears whole or not at all."""

import hashlib

import pytest

from bottlenet_tf.export import staging


def test_the_folder_appears_at_the_end(tmp_path):
    out = tmp_path / "new" / "out"
    with staging.staged(out) as folder:
        (folder / "file").write_text("x")
        assert not out.exists()
    assert (out / "file").read_text() == "x"
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="disk full"):
        with staging.staged(tmp_path / "out") as folder:
            (folder / "file").write_text("x")
            raise OSError("disk full")
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    with staging.staged(tmp_path / "out") as folder:
        (folder / "file").write_text("x")
    assert (tmp_path / "out" / "file").is_file()


def test_a_folder_with_content_is_refused_and_kept(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="replaces nothing"):
        with staging.staged(tmp_path):
            pass
    assert (tmp_path / "file").read_text() == "mine"


def test_content_that_comes_meanwhile_is_kept(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="replaces nothing"):
        with staging.staged(out):
            out.mkdir()
            (out / "file").write_text("another's")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_every_file_has_its_checksum(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"content")
    wanted = hashlib.sha256(b"content").hexdigest()
    assert staging.checksums(tmp_path) == {"a/b": wanted}
