import pytest

from forge_sources.packages.license import is_metadata, stated_license

MIT = """Copyright (c) 2020 Someone

Permission is hereby granted, free of charge, to any person obtaining
a copy of this software"""
BSD_2 = "Redistributions in binary form must reproduce the above copyright\nnotice, this list of conditions"
BSD_3 = BSD_2 + "\nNeither the name of the project nor the names of its contributors may be used to endorse or promote"
APACHE = "                         Apache License\n                   Version 2.0, January 2004\n"


def of_python(*lines):
    return stated_license("PKG-INFO", "\n".join(("Metadata-Version: 2.4", "Name: x", *lines, "", "text")).encode())


def test_the_expression_wins():
    assert of_python("License-Expression: MIT OR Apache-2.0", "License: BSD") == "MIT OR Apache-2.0"


def test_classifiers_before_the_free_field():
    assert of_python("Classifier: License :: OSI Approved :: MIT License", "License: whatever") == "MIT"
    two = [f"Classifier: License :: OSI Approved :: {name}" for name in ("MIT License", "Apache Software License")]
    assert of_python(*two) == "Apache-2.0 OR MIT"


def test_a_classifier_that_says_too_little_leaves_doubt():
    assert of_python("Classifier: License :: OSI Approved :: BSD License") == "unknown"
    assert of_python("Classifier: License :: OSI Approved :: BSD License", "License: BSD-3-Clause") == "BSD-3-Clause"


@pytest.mark.parametrize(
    ("free", "expected"),
    [("MIT", "MIT"), ("Apache 2.0", "Apache-2.0"), ("BSD", "unknown"), ("Proprietary", "unknown"), ("", "unknown")],
)
def test_the_free_field(free, expected):
    assert of_python(f"License: {free}") == expected


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (b'{"license": "MIT"}', "MIT"),
        (b'{"license": "(MIT OR CC0-1.0)"}', "(MIT OR CC0-1.0)"),
        (b'{"license": {"type": "ISC"}}', "ISC"),
        (b'{"license": "SEE LICENSE IN LICENSE.md"}', "unknown"),
        (b'{"license": "UNLICENSED"}', "unknown"),
        (b"{}", "unknown"),
        (b"[]", "unknown"),
        (b"{", "unknown"),
    ],
)
def test_npm_packages(package, expected):
    assert stated_license("package.json", package) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MIT, "MIT"),
        (BSD_2, "BSD-2-Clause"),
        (BSD_3, "BSD-3-Clause"),
        (APACHE, "Apache-2.0"),
        (MIT + BSD_3, "unknown"),
        (BSD_3 + "\n" * 10 + "filler " * 400 + MIT, "BSD-3-Clause"),
        ("All rights reserved.", "unknown"),
    ],
)
def test_licence_texts(text, expected):
    assert stated_license("LICENSE", text.encode()) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("Expat", "MIT"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-3", "GPL-3.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("PSF-2", "PSF-2.0"),
        ("my-own", "unknown"),
    ],
)
def test_debian_copyright_files(stated, expected):
    text = f"Format: x\n\nFiles: debian/*\nLicense: ISC\n\nFiles: *\nCopyright: y\nLicense: {stated}\n text\n"
    assert stated_license("usr/share/doc/pack/copyright", text.encode()) == expected


@pytest.mark.parametrize(
    ("path", "registry", "expected"),
    [
        ("PKG-INFO", "pip-sdist", True),
        ("package.json", "pip-sdist", False),
        ("src/x.egg-info/PKG-INFO", "pip-sdist", False),
        ("LICENSE.txt", "pip-sdist", True),
        ("vendored/LICENSE", "pip-sdist", False),
        ("x-1.dist-info/METADATA", "pip", True),
        ("METADATA", "pip", False),
        ("package.json", "npm", True),
        ("usr/share/doc/x/copyright", "apt", True),
        ("usr/lib/copyright", "apt", False),
    ],
)
def test_where_the_licence_is_stated(path, registry, expected):
    assert is_metadata(path, registry) is expected
