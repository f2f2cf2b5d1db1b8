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
    with pytest.raises(ValueError, match="replaces only"):
        with staging.staged(tmp_path):
            pass
    assert (tmp_path / "file").read_text() == "mine"


def test_content_that_comes_meanwhile_is_kept(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="replaces only"):
        with staging.staged(out):
            out.mkdir()
            (out / "file").write_text("another's")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_every_file_has_its_checksum(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"content")
    wanted = hashlib.sha256(b"content").hexdigest()
    assert staging.checksums(tmp_path) == {"a/b": wanted}


def _refused(folder, reason):
    with pytest.raises(ValueError, match=f"--out must.*{reason}.*Received"):
        staging.check_free(folder)


def test_what_no_rename_can_make_is_refused_early(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    _refused(tmp_path / "file", "file")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    _refused(tmp_path / "link", "file")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    _refused(tmp_path / "loop", "points to itself")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    _refused(".", "current directory")
    _refused(tmp_path / "empty", "current directory")


def test_a_mount_point_is_refused(tmp_path, monkeypatch):
    (tmp_path / "volume").mkdir()
    monkeypatch.setattr(
        staging.os.path, "ismount", lambda path: path.name == "volume"
    )
    _refused(tmp_path / "volume", "mount point")
    staging.check_free(tmp_path / "volume" / "deploy")


@pytest.mark.parametrize("is_there", [False, True])
def test_a_link_leads_to_the_folder(tmp_path, is_there):
    target = tmp_path / "target"
    if is_there:
        target.mkdir()
    (tmp_path / "out").symlink_to(target)
    with staging.staged(tmp_path / "out") as folder:
        (folder / "file").write_text("x")
    assert (tmp_path / "out").is_symlink()
    assert (target / "file").read_text() == "x"


def test_an_error_takes_back_the_parents(tmp_path):
    (tmp_path / "old").mkdir()
    with pytest.raises(OSError, match="disk full"):
        with staging.staged(tmp_path / "old" / "new" / "newer" / "out"):
            raise OSError("disk full")
    assert [p.name for p in tmp_path.rglob("*")] == ["old"]


def test_an_error_leaves_what_others_put_in_the_parents(tmp_path):
    with pytest.raises(OSError, match="disk full"):
        with staging.staged(tmp_path / "new" / "out"):
            (tmp_path / "new" / "file").write_text("another's")
            raise OSError("disk full")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file"]


def test_overwrite_replaces_a_deployment_and_nothing_else(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("x")
    _refused(out, "content")
    with pytest.raises(ValueError, match="isn't a deployment"):
        staging.check_free(out, overwrite=True)
    (out / "manifest.json").write_text(
        '{"format": "bottlenet_tf.deployment.1"}'
    )
    _refused(out, "which --overwrite replaces")
    with pytest.raises(OSError, match="disk full"):
        with staging.staged(out, overwrite=True):
            raise OSError("disk full")
    assert (out / "old").is_file()
    with staging.staged(out, overwrite=True) as folder:
        (folder / "new").write_text("y")
    assert [p.name for p in out.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_killed_exports_files_are_cleared_and_a_running_ones_are_not(
    tmp_path,
):
    out = tmp_path / "out"
    left = tmp_path / ".out.abcdef_1"
    left.mkdir(mode=0o700)
    (left / "file").write_text("half")
    others = [tmp_path / ".out.backup", tmp_path / ".other.abcdef_1"]
    for other in others:
        other.mkdir(mode=0o700)
    with staging.staged(out) as folder:
        assert not left.exists()
        assert all(other.exists() for other in others)
        with pytest.raises(ValueError, match="One export at a time"):
            with staging.staged(out):
                pytest.fail("It must be refused before the work starts")
        (folder / "file").write_text("x")
    assert (out / "file").is_file()
