#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What README.md and the guides lead to is there: each file and heading that they link to, each manual
page of ours that they name, as bearerd(8), and each file of the tree that they name in code. A link of
a guide that is installed leads to what is installed. SOURCE BUILD"""

import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FENCE = re.compile(r"```|~~~")
SPAN = re.compile(r"`((?:[^`\n]|\n(?!\n))+)`")
HEADING = re.compile(r"^#{1,6} +(.*)", re.M)
LINK = re.compile(r"\]\(([^()\s]*)\)")
ELSEWHERE = re.compile(r"https?:|mailto:")
MANUAL_PAGE = re.compile(r"\b((?:lib)?bearer[\w.-]*)\((\d)\)")
# A page of several functions is found by the name of each.
ALIAS = re.compile(r"^ +'(bearer_\w+)',$", re.M)


def text_of(path):
    return path.read_text(encoding="utf-8")


def slug(title):
    """The anchor of a heading, as GitHub has it."""
    return re.sub(r"[^\w -]", "", re.sub(r"\]\([^()]*\)", "", title).lower()).replace(" ", "-")


def folders(places):
    return [each.name for place in places for each in place.iterdir()
            if each.is_dir() and not each.name.startswith((".", "build"))]


class Page:
    """One file in Markdown: its prose, its code, and the anchors that it has."""

    def __init__(self, path):
        prose, self.code = [], []
        is_fenced = is_indented = False
        was_empty = True
        for line in text_of(path).splitlines():
            is_indented = line.startswith("    ") and (is_indented or was_empty) and not is_fenced
            was_empty = not line.strip()
            if FENCE.match(line):
                is_fenced = not is_fenced
            else:
                (self.code if is_fenced or is_indented else prose).append(line)
        text = "\n".join(prose)
        self.code += SPAN.findall(text)
        self.prose = SPAN.sub("", text)
        self.anchors = set()
        for title in HEADING.findall(text):
            self._add_anchor(slug(title))

    def _add_anchor(self, name):
        """The second of a name is NAME-1."""
        numbers = itertools.count(1)
        anchor = name
        while anchor in self.anchors:
            anchor = f"{name}-{next(numbers)}"
        self.anchors.add(anchor)

    def links(self):
        return [link for link in LINK.findall(self.prose) if not ELSEWHERE.match(link)]

    def manual_pages(self):
        return [".".join(found) for found in MANUAL_PAGE.findall(self.prose)]


class Links:
    """The pages below ROOT, and what is wrong about where they lead."""

    def __init__(self, root, paths):
        self.root = root
        self.pages = {path: Page(path) for path in paths}
        self.mistakes = []

    def say(self, path, mistake):
        self.mistakes.append(f"{path.relative_to(self.root)}: {mistake}")

    def check(self):
        links = [(path, link) for path, page in self.pages.items() for link in page.links()]
        for path, link in links:
            self._check_link(path, link)
        if not links:
            self.mistakes.append(f"{len(self.pages)} pages, and no link in any")

    def _check_link(self, path, link):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.is_relative_to(self.root) or not target.exists():
            self.say(path, f"{link}: there is no such file")
        elif anchor and anchor not in (self.pages[target].anchors if target in self.pages else ()):
            self.say(path, f"{link}: there is no such heading")

    def check_manual_pages(self, there):
        for path, page in self.pages.items():
            for name in page.manual_pages():
                if name not in there:
                    self.say(path, f"there is no manual page {name}")

    def check_code(self):
        """What begins with a folder of the tree, or as an #include does, is there: a file, a folder, or
        a module, which is named without what its files end with."""
        places = (self.root, self.root / "daemon")
        named = re.compile(rf"(?<![\w./~$-])(?:{'|'.join(folders(places))})/[\w./*-]*\w")
        for path, page in self.pages.items():
            for name in named.findall("\n".join(page.code)):
                if not any(any(place.glob(name + end)) for place in places for end in ("", ".[ch]")):
                    self.say(path, f"{name} is not in the tree")


def in_the_tree(source):
    links = Links(source, [source / "README.md", *(source / "docs").rglob("*.md")])
    links.check()
    manual = source / "docs/man"
    links.check_manual_pages({page.stem for page in manual.glob("*.scd")}
                             | {f"{name}.3" for name in ALIAS.findall(text_of(manual / "meson.build"))})
    links.check_code()
    return links.mistakes


def as_installed(build):
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory).resolve()
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--tags", "doc",
                        "--destdir", root], check=True)
        links = Links(root, root.rglob("*.md"))
        links.check()
        return links.mistakes


def main():
    source, build = (Path(word).resolve() for word in sys.argv[1:])
    mistakes = in_the_tree(source) + as_installed(build)
    for mistake in mistakes:
        print(mistake)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
