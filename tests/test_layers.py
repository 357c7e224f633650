#!/usr/bin/python3
"""The arrows of docs/ARCHITECTURE.md, checked against every #include: who may know whom.

tests/test_layers.py          (also run by pytest, and by meson as "layers")
"""

import functools
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
SIMULATOR = ROOT / "simulator"

# A folder, and the folders of src/ that it may include besides itself.
ARROWS = {
    "base": "",
    "json": "base",
    "http": "base",
    "model": "base",
    "sql": "json model base",
    "pipedrive": "json model base",
    "destinations": "sql model base",
    "sync": "pipedrive http model json base",
    "server": "sync http model json base",
    "gateway": "sync model json base",
    "cli": "server gateway sync destinations model json base",
}

# A foreign header, and the files that are the only doors to it.
DOORS = {
    r"curl/.*": r"http/client\w*\.[ch]",
    r"sqlite3\.h": r"destinations/sqlite\w*\.[ch]",
    r"simdjson\.h": r"json/\w+\.cpp",
    r"libpq-fe\.h|postgres.*": r"destinations/postgres\w*\.[ch]",
    r"mysql.*|mariadb.*": r"destinations/mysql\w*\.[ch]",
    r"cyaml/.*|yaml\.h|libsmartcols\.h": r"cli/\w+\.[ch]",
    r"microhttpd\.h": r"http/server\.c",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>|(\w+))', re.MULTILINE)


def sources(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in {".c", ".h", ".cpp"})


def includes(path):
    """Quoted and angled names; a computed include, which would hide from this test, is refused."""
    for quoted, angled, computed in INCLUDE.findall(path.read_text(encoding="utf-8")):
        assert not computed, f"{path}: #include {computed}"
        yield quoted, angled


@functools.cache
def packages(name):
    found = subprocess.run(["pkg-config", "--cflags", name], capture_output=True, text=True)
    return found.stdout.split()


def compile_alone(header, include_folder):
    """The compiler's complaint about a file that holds this header and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "alone.c"
        name = header.relative_to(include_folder)
        file.write_text(f'#include "{name}"\n', encoding="utf-8")
        command = [
            os.environ.get("CC", "cc"),
            "-fsyntax-only",
            "-std=gnu17",
            "-D_GNU_SOURCE",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-I",
            str(include_folder),
            *packages("glib-2.0"),
            *packages("libcyaml"),
            *packages("libpq"),
            *packages("libmariadb"),
            *packages("json-glib-1.0"),
            *packages("libpq"),
            str(file),
        ]
        return subprocess.run(command, capture_output=True, text=True).stderr


class Layers(unittest.TestCase):
    def check_arrow(self, path, quoted):
        target = SRC / quoted
        self.assertTrue(target.is_file(), f'{path}: "{quoted}" is no file below src/')
        own, other = path.relative_to(SRC).parts[0], target.relative_to(SRC).parts[0]
        self.assertIn(own, ARROWS, f"{path}: its folder has no row in ARROWS")
        self.assertIn(
            other, {own, *ARROWS[own].split()}, f'{path}: {own} may not include "{quoted}"'
        )

    def test_arrows(self):
        for path in sources(SRC):
            for quoted, _ in includes(path):
                if quoted:
                    self.check_arrow(path, quoted)

    def test_the_arrows_make_no_circle(self):
        for own, others in ARROWS.items():
            for other in others.split():
                self.assertNotIn(own, ARROWS[other].split())

    def test_private_headers_stay_in_their_folder(self):
        for path in sources(SRC):
            for quoted, _ in includes(path):
                if quoted.endswith("_private.h"):
                    self.assertEqual((SRC / quoted).parent, path.parent, f'{path}: "{quoted}"')

    def test_foreign_libraries_have_one_door(self):
        for path in sources(SRC):
            name = str(path.relative_to(SRC))
            for _, angled in includes(path):
                for header, door in DOORS.items():
                    if re.fullmatch(header, angled):
                        self.assertRegex(name, f"^(?:{door})$", f"{name} includes <{angled}>")

    def test_the_simulator_stands_alone(self):
        for path in sources(SIMULATOR):
            for quoted, _ in includes(path):
                if quoted:
                    self.assertTrue(
                        (path.parent / quoted).is_file(), f'{path}: "{quoted}" is no file beside it'
                    )
                    self.assertNotIn("..", quoted, path)

    def test_headers_compile_alone(self):
        for folder in (SRC, SIMULATOR):
            for header in sources(folder):
                if header.suffix == ".h":
                    with self.subTest(header=str(header.relative_to(ROOT))):
                        self.assertEqual(compile_alone(header, folder), "")

    def test_headers_are_guarded_by_their_name(self):
        """Two headers with one guard would silently hide one another."""
        guards = {}
        for header in [*sources(SRC), *sources(SIMULATOR)]:
            if header.suffix != ".h":
                continue
            text = header.read_text(encoding="utf-8")
            guard = re.search(r"^#ifndef (\w+)\n#define \1$", text, re.MULTILINE)
            once = re.search(r"^#pragma once$", text, re.MULTILINE)
            self.assertTrue(guard or once, f"{header} has no guard")
            if guard:
                self.assertNotIn(guard[1], guards, f"{header} and {guards.get(guard[1])}")
                guards[guard[1]] = header


if __name__ == "__main__":
    unittest.main()
