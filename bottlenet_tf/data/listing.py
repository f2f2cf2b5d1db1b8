"""Lists the images of a folder, and counts its other files."""

import collections
import os
import pathlib

from bottlenet_tf.runtime.forms import EXTENSIONS


class Listing:
    """Lists folders one by one and counts the files that it passes over.

    Hidden files and folders are neither listed nor counted.

    Attributes:
        files: `{extension: number}` of the files that aren't images.
        nested: Number of images in folders inside the listed ones.
        outside: Number of images next to the listed folders.
        folders: Names of folders that aren't listed.
        unlabelled: Number of images that a table of labels doesn't name.
        broken: Number of links to what isn't there.
    """

    def __init__(self):
        self.files = collections.Counter()
        self.nested = self.outside = self.unlabelled = self.broken = 0
        self.folders = []

    def images_below(self, folder):
        """Returns the image files in a folder, then those in its folders.

        Both are sorted by name; links are followed, each folder once.
        """
        found, seen = [], set()
        for parent, folders, names in os.walk(folder, followlinks=True):
            seen.add(os.path.realpath(parent))
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".")
                and os.path.realpath(os.path.join(parent, name)) not in seen
            )
            files = self._files(parent, names)
            here = [path for path in files if self._is_image(path)]
            if not os.path.samefile(parent, folder):
                self.nested += len(here)
            found += here
        return found

    def add_outside(self, folder):
        """Counts the images in a folder, next to class folders."""
        files = self._files(folder, os.listdir(folder))
        self.outside += sum(map(_has_extension, files))

    def add_unused(self, folders):
        """Notes folders that are not read."""
        self.folders += [path.name for path in folders]

    def passed_over(self):
        """Returns what is not read, ready for JSON; empty if all is read."""
        counts = {
            "files": dict(sorted(self.files.items())),
            "images_outside_classes": self.outside,
            "images_without_labels": self.unlabelled,
            "broken_links": self.broken,
            "folders": self.folders,
        }
        return {name: count for name, count in counts.items() if count}

    def _files(self, folder, names):
        """Returns the files in a folder that aren't hidden, sorted."""
        found = []
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if name.startswith("."):
                continue
            if path.is_file():
                found.append(_named(path))
            elif not path.exists():
                self.broken += 1
        return found

    def _is_image(self, path):
        if _has_extension(path):
            return True
        self.files[path.suffix.lower() or "without extension"] += 1
        return False


def report(folder, passed_over):
    """Prints what `Listing.passed_over` returned of a folder."""
    parts = []
    if "files" in passed_over:
        counts = passed_over["files"].items()
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts)
        parts.append(f"{kinds} (not {', '.join(EXTENSIONS)})")
    if "images_outside_classes" in passed_over:
        count = passed_over["images_outside_classes"]
        parts.append(f"{count:,} images outside class folders")
    if "images_without_labels" in passed_over:
        count = passed_over["images_without_labels"]
        parts.append(f"{count:,} images without labels")
    if "broken_links" in passed_over:
        parts.append(f"{passed_over['broken_links']:,} broken links")
    if "folders" in passed_over:
        parts.append(f"the folders {', '.join(passed_over['folders'])}")
    if parts:
        print(f"Passed over in {folder}: {'; '.join(parts)}.")


def _has_extension(path):
    return path.suffix.lower() in EXTENSIONS


def _named(path):
    """Returns a path; refuses a name that no report could contain."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        raise ValueError(
            "Names of files and folders must be UTF-8, because reports and "
            f"fingerprints contain them. Received: path={os.fsencode(path)!r}"
        ) from None
    return path
