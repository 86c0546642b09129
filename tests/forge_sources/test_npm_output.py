"""The cause of npm's failure, told from its warnings and its advice."""

import pytest

from forge_sources.packages.npm_output import MOST_LETTERS, cause

WARNINGS = (
    'npm warn Unknown user config "nodedir". This will stop working in the next major version of npm.\n'
    "npm warn Unknown env config\n"
)
LOG = "npm error A complete log of this run can be found in: /home/u/.npm/_logs/x-debug-0.log\n"


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        (
            "npm error code ETARGET\nnpm error notarget No matching version found for a@99.\n"
            "npm error notarget In most cases you or one of your dependencies are requesting\n",
            "npm error code ETARGET; notarget No matching version found for a@99.",
        ),
        (
            "npm error code E404\nnpm error 404\nnpm error 404  'a@1' is not in this registry.\nnpm error 404\n"
            "npm error 404 Note that you can also install from a\nnpm error 404 tarball, folder, http url.\n",
            "npm error code E404; 404 'a@1' is not in this registry.",
        ),
        (
            "npm ERR! code ENOTFOUND\nnpm ERR! network request to h failed, reason: getaddrinfo ENOTFOUND h\n"
            "npm ERR! network This is a problem related to network connectivity.\nnpm ERR! network \n",
            "npm error code ENOTFOUND; network request to h failed, reason: getaddrinfo ENOTFOUND h",
        ),
        ("node: command not found\n", "node: command not found"),
        ("", "npm says nothing"),
    ],
)
def test_the_cause_is_quoted(stderr, expected):
    assert cause(WARNINGS + stderr + LOG) == expected


def test_it_is_one_line_of_bounded_length():
    found = cause("".join(f"npm error detail {number} {'x' * 90}\n" for number in range(99)))
    assert len(found) == MOST_LETTERS
    assert "\n" not in found
