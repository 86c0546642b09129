"""What npm says on standard error, cut down to why it failed.

npm's error lines begin with the code and the cause; after them come advice and the place of its log, and before them
may stand any number of warnings about the user's configuration. Costs nothing.
"""

import re

MOST_LETTERS = 400
_ERROR = re.compile(r"npm (?:error|ERR!)\s*(.*)")  # npm up to 9 writes ERR!
_WARNING = re.compile(r"npm (?:warn|notice)\b", re.IGNORECASE)
_SAYS_NOTHING = re.compile(
    r"\w*|A complete log of this run.*|For a full report see:.*|(?:\w+ )?(?:In most cases|If you are behind a proxy"
    r"|This is a problem related to network|'proxy' config|Note that you can also|tarball, folder, http).*|/.*-debug-.*"
)


def cause(stderr: str) -> str:
    """The error lines that say something, as one line of at most `MOST_LETTERS`; without any, npm's last words."""
    lines = [line.strip() for line in stderr.splitlines()]
    errors = [match[1] for line in lines if (match := _ERROR.fullmatch(line))]
    telling = [" ".join(line.split()) for line in errors if not _SAYS_NOTHING.fullmatch(line.strip())]
    if telling:
        return ("npm error " + "; ".join(dict.fromkeys(telling)))[:MOST_LETTERS]
    others = [line for line in lines if line and not _ERROR.fullmatch(line) and not _WARNING.match(line)]
    return "; ".join(others[-2:])[:MOST_LETTERS] or "npm says nothing"
