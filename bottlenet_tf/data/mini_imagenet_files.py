"""Finds and reads miniImageNet's files: class folders or class archives."""

import contextlib
import csv
import hashlib
import os
import pathlib
import re
import tarfile

from bottlenet_tf.data.listing import Listing

# The 100 classes of Ravi and Larochelle's lists, sorted.
WNIDS = tuple(
    """
    n01532829 n01558993 n01704323 n01749939 n01770081 n01843383 n01855672
    n01910747 n01930112 n01981276 n02074367 n02089867 n02091244 n02091831
    n02099601 n02101006 n02105505 n02108089 n02108551 n02108915 n02110063
    n02110341 n02111277 n02113712 n02114548 n02116738 n02120079 n02129165
    n02138441 n02165456 n02174001 n02219486 n02443484 n02457408 n02606052
    n02687172 n02747177 n02795169 n02823428 n02871525 n02950826 n02966193
    n02971356 n02981792 n03017168 n03047690 n03062245 n03075370 n03127925
    n03146219 n03207743 n03220513 n03272010 n03337140 n03347037 n03400231
    n03417042 n03476684 n03527444 n03535780 n03544143 n03584254 n03676483
    n03770439 n03773504 n03775546 n03838899 n03854065 n03888605 n03908618
    n03924679 n03980874 n03998194 n04067472 n04146614 n04149813 n04243546
    n04251144 n04258138 n04275548 n04296562 n04389033 n04418357 n04435653
    n04443257 n04509417 n04515003 n04522168 n04596742 n04604644 n04612504
    n06794110 n07584110 n07613480 n07697537 n07747607 n09246464 n09256479
    n13054560 n13133613
    """.split()
)

LISTS = ("train.csv", "val.csv", "test.csv")
IMAGENET_ARCHIVE = "ILSVRC2012_img_train.tar"


def find(manual_dir):
    """Recognises the form of miniImageNet in a folder.

    Returns:
        `ClassFolders` or `ClassArchives`; both have `names`, a dict from wnid
        to the sorted stems of its images, `read` and `source_key`.
    """
    root = pathlib.Path(manual_dir)
    if not root.is_dir():
        raise ValueError(
            "miniImageNet cannot be downloaded by a program: put its class "
            "folders, or ImageNet's class archives with the three lists, "
            "into a folder and give that as `manual_dir`. "
            f"Received: manual_dir={os.fspath(root)!r}, which does not exist"
        )
    pooled = {}
    for half in (root, *(root / name for name in ("train", "val", "test"))):
        for wnid in WNIDS:
            if (half / wnid).is_dir():
                found = Listing().images_below(half / wnid)
                pooled.setdefault(wnid, []).extend(found)
    pooled = {wnid: files for wnid, files in pooled.items() if files}
    if pooled:
        return ClassFolders(pooled)
    inner = [root / f"{w}.tar" for w in WNIDS if (root / f"{w}.tar").is_file()]
    outer = root / IMAGENET_ARCHIVE
    if inner or outer.is_file():
        return ClassArchives(_read_lists(root), inner, outer)
    raise ValueError(
        "miniImageNet needs images: class folders <wnid>/ (directly or under "
        "train/, val/, test/), or <wnid>.tar, or ILSVRC2012_img_train.tar; "
        f"none of the 100 classes is there. "
        f"Received: manual_dir={os.fspath(root)!r}"
    )


class ClassFolders:
    """Form (a): images as files, a class's images pooled over its folders.

    Args:
        files: Dict from wnid to paths.
    """

    def __init__(self, files):
        self._paths = {}
        for wnid, paths in files.items():
            by_stem = {path.stem: path for path in paths}
            if len(by_stem) != len(paths):
                twice = [p for p in paths if by_stem[p.stem] != p]
                raise ValueError(
                    "an image must not be in two folders of its class, because "
                    "it would count twice, or be in both training and test. "
                    f"Received: class={wnid!r}, "
                    f"twice={[os.fspath(p) for p in twice[:3]]}"
                )
            self._paths[wnid] = dict(sorted(by_stem.items()))
        self.names = {w: list(stems) for w, stems in self._paths.items()}

    def read(self, wanted):
        """Yields `(wnid, stem, file)` for the stems that `wanted` accepts."""
        for wnid, by_stem in self._paths.items():
            for stem, path in by_stem.items():
                if wanted(stem):
                    yield wnid, stem, path

    def source_key(self):
        """Short digest of all names and file sizes."""
        return _digest(
            f"{stem}:{path.stat().st_size}"
            for by_stem in self._paths.values()
            for stem, path in by_stem.items()
        )


class ClassArchives:
    """Form (b): ImageNet's archives, from which the lists select.

    The lists name images by rank: `n0153282900000005` is the 5th image of
    class n01532829 when the members `n01532829_<number>.JPEG` of its archive
    are sorted by number. Ravi and Larochelle's repository does not say so;
    this interpretation is that of github.com/yaoyao-liu/mini-imagenet-tools and
    its descendants, and it fits: ranks start at 1 and end at 1300, the size of
    ImageNet's largest classes. It holds for complete archives only.

    Args:
        names: Dict from wnid to the lists' stems.
        inner: Paths of the `<wnid>.tar` that exist.
        outer: Path of the archive of archives; read for the other classes,
            if it exists.
    """

    def __init__(self, names, inner, outer):
        self._inner = {path.stem: path for path in inner}
        self._outer = outer if outer.is_file() else None
        present = set(self._inner)
        if self._outer is not None:
            present |= self._outer_members().keys()
        self.names = {w: s for w, s in names.items() if w in present}
        if not self.names:
            raise ValueError(
                "at least one class of the lists needs its archive. Received: "
                f"archives={sorted(present)[:5]}, lists={sorted(names)[:5]}"
            )

    def read(self, wanted):
        """Yields `(wnid, stem, file)` for the stems that `wanted` accepts."""
        for wnid in self.names:
            if wnid in self._inner:
                with _open_tar(self._inner[wnid]) as archive:
                    yield from self._read_class(wnid, archive, wanted)
        if self._outer is None:
            return
        with _open_tar(self._outer) as outer:
            members = _members(outer, self._outer)
            for wnid in self.names:
                if wnid in self._inner:
                    continue
                stream = outer.extractfile(members[f"{wnid}.tar"])
                with _open_tar(self._outer, stream) as archive:
                    yield from self._read_class(wnid, archive, wanted)

    def source_key(self):
        """Short digest of the chosen names and the archives' sizes."""
        archives = [*self._inner.values(), *filter(None, [self._outer])]
        return _digest(
            [f"{path.name}:{path.stat().st_size}" for path in archives]
            + [stem for stems in self.names.values() for stem in stems]
        )

    def _outer_members(self):
        with _open_tar(self._outer) as outer:
            found = _members(outer, self._outer)
        return {name.removesuffix(".tar"): m for name, m in found.items()}

    def _read_class(self, wnid, archive, wanted):
        pattern = re.compile(rf"{wnid}_(\d+)\.jpe?g", re.IGNORECASE)
        numbered = [
            (int(match[1]), member)
            for name, member in _members(archive, f"{wnid}.tar").items()
            if (match := pattern.fullmatch(name))
        ]
        numbered.sort(key=lambda pair: pair[0])
        ranked = [member for _, member in numbered]
        for stem in self.names[wnid]:
            rank = int(stem.removeprefix(wnid))
            if not 1 <= rank <= len(ranked):
                raise ValueError(
                    "a class archive must be complete, because the lists name "
                    "images by their rank in it. Received: "
                    f"class={wnid!r} with {len(ranked)} images, "
                    f"listed={stem!r}"
                )
            if wanted(stem):
                with _naming(f"{wnid}.tar"):
                    data = archive.extractfile(ranked[rank - 1]).read()
                yield wnid, stem, data


def _read_lists(root):
    missing = [name for name in LISTS if not (root / name).is_file()]
    if missing:
        raise ValueError(
            "ImageNet's archives need the lists train.csv, val.csv and "
            "test.csv next to them, because these say which images belong to "
            f"miniImageNet. Received: manual_dir={os.fspath(root)!r} without "
            f"{missing}"
        )
    names = {}
    for name in LISTS:
        with open(root / name, newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                _add_row(names, row, root / name)
    return {wnid: sorted(set(names[wnid])) for wnid in sorted(names)}


def _add_row(names, row, path):
    stem = pathlib.PurePath(row.get("filename") or "").stem
    wnid = row.get("label")
    if wnid not in WNIDS or not re.fullmatch(rf"{wnid}\d{{8}}", stem):
        raise ValueError(
            "a list's lines must read `filename,label`, such as "
            "`n0153282900000005.jpg,n01532829`, with a label among the 100 "
            f"classes. Received: line={row} in {os.fspath(path)!r}"
        )
    names.setdefault(wnid, []).append(stem)


def _open_tar(path, stream=None):
    with _naming(path):
        return tarfile.open(path if stream is None else None, "r:", stream)


def _members(archive, path):
    """Maps base name to member; reads the complete table of contents."""
    with _naming(path):
        return {
            pathlib.PurePath(member.name).name: member
            for member in archive.getmembers()
            if member.isfile()
        }


@contextlib.contextmanager
def _naming(path):
    """Names the archive in the errors of reading it."""
    try:
        yield
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(
            "an archive must be readable and complete. "
            f"Received: archive={os.fspath(path)!r} ({error})"
        ) from error


def _digest(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
