"""Records as a person reads them on a terminal: pure formatting, one module a kind of record.

`RENDERERS` maps a record's type to a function that gives what `rich` prints; `forge show` looks nothing else up, so
that a new kind is one line here. Piped output is plain text, 100 columns wide. Costs the import of rich, 60 ms.
"""

from forge.show.api import api_parts
from forge.show.facts import Seen, Shown, Source, one_line
from forge.show.printing import RENDERERS, print_record

__all__ = ["RENDERERS", "Seen", "Shown", "Source", "api_parts", "one_line", "print_record"]
