"""The source ``ansible`` on the real wheel of ansible-core (2 MB), and on a small collection written here.

The whole of ansible (54 MB) is read by the slow test.
"""

import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.steps import Context
from forge.testing import check_source, context
from forge_sources.ansible.source import Ansible

CORE = ("ansible-core==2.19.14",)
MODULE = '''#!/usr/bin/python
"""Nothing of this runs."""
raise SystemExit("ran")

DOCUMENTATION = r"""
---
module: toy
short_description: Keep a toy
description:
  - Makes or removes a toy, see M(acme.toys.shop) and O(state=present).
options:
  name:
    description: [Its name., "A C(word)."]
    required: yes
    aliases: [label]
  state:
    description: Whether it is there.
    choices: {present: Make it., absent: Remove it.}
    default: present
  size:
    type: int
    default: "3"
  force:
    type: bool
    default: no
    description: Do it anyway.
  parts:
    type: list
    elements: dict
    suboptions:
      colour: {type: str, required: true, description: Of the part.}
  anything: {type: raw}
requirements: [python >= 3.9]
extends_documentation_fragment:
  - acme.toys.auth
  - shelf
  - nowhere
deprecated: {why: Out of fashion., alternative: Use M(acme.toys.game)., removed_in: 3.0.0}
"""

EXAMPLES = """
- name: Make one
  acme.toys.toy:
    label: bear
    parts: [{colour: red}]
- block:
    - toy: {name: car, unknown: 1}
    - toy: {name: "{{ item }}", force: yes}
"""

RETURN = """
toy:
  description: What was made.
  type: list
  contains:
    weight: {type: float, description: In kilograms.}
"""
'''
FRAGMENTS = '''
class ModuleDocFragment(object):
    DOCUMENTATION = r"""
options:
  token: {type: str, required: true, description: To be let in.}
  force: {type: str, description: Not used.}
"""

    def __init__(self):
        version = f"""
options:
  shelf: {{type: path, description: Needs {helpers.OLDEST} or newer.}}
"""
        self.OTHER = version
'''


@pytest.fixture
def library(tmp_path: Path) -> Context:
    folder = tmp_path / "site" / "ansible_collections" / "acme" / "toys"
    files: dict[str, Any] = {
        "plugins/modules/toy.py": MODULE,
        "plugins/modules/__init__.py": "",
        "plugins/modules/old/none.py": "x = 1\n",
        "plugins/modules/bad.py": 'DOCUMENTATION = """\n- [\n"""\n',
        "plugins/modules/side.yml": "DOCUMENTATION:\n  short_description: A module of another language, documented\n",
        "plugins/modules/side.ps1": "exit 1",
        "plugins/modules/half.py": 'DOCUMENTATION = (\n  """short_description: Half of it\n"""\n)\nRETURN = "a: ["\n',
        "plugins/doc_fragments/auth.py": FRAGMENTS,
        "plugins/doc_fragments/shelf.py": FRAGMENTS.replace("OTHER", "DOCUMENTATION"),
        "MANIFEST.json": orjson.dumps(
            {"collection_info": {"version": "1.2.3", "license": ["MIT"], "tags": ["fun", "tools"]}}
        ).decode(),
        "meta/runtime.yml": "plugin_routing: {modules: {side: {deprecation: {removal_version: 4.0.0}}}}\n",
    }
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return context(tmp_path)


def test_a_module_in_full(library: Context) -> None:
    found = check_source(Ansible(path="site"), library)
    records = {record.name: record for record in found.records if isinstance(record, ApiRecord)}
    toy = records["acme.toys.toy"]
    assert (toy.provider, toy.kind, toy.version, toy.category) == ("acme.toys", "cli", "1.2.3", "tools")
    assert (toy.license, toy.license_evidence) == ("MIT", "MANIFEST.json of acme.toys: license MIT")
    assert toy.description == "Keep a toy.\nMakes or removes a toy, see acme.toys.shop and state=present."
    properties = toy.parameters["properties"]
    assert properties["name"] == {"type": "string", "description": "Its name.\nA word.", "x-aliases": ["label"]}
    assert properties["state"]["enum"] == ["present", "absent"]
    assert properties["state"]["x-enum-descriptions"] == ["Make it.", "Remove it."]
    assert properties["size"] == {"type": "integer", "default": 3}
    assert properties["force"] == {"type": "boolean", "default": False, "description": "Do it anyway."}
    assert properties["parts"]["items"]["required"] == ["colour"]
    assert properties["anything"] == {}
    assert properties["shelf"]["description"] == "Needs OLDEST or newer."
    assert toy.parameters["required"] == ["name", "token"]
    assert toy.returns is not None
    assert toy.returns["properties"]["toy"]["items"]["properties"]["weight"]["type"] == "number"
    assert toy.examples == [
        {"arguments": {"name": "bear", "parts": [{"colour": "red"}]}},
        {"arguments": {"name": "{{ item }}", "force": "yes"}},
    ]
    assert toy.deprecated
    assert toy.meta["deprecation"] == {
        "why": "Out of fashion.",
        "alternative": "Use acme.toys.game.",
        "removed_in": "3.0.0",
    }


def test_what_cannot_be_read_is_a_reject_and_the_rest_is_kept(library: Context) -> None:
    found = check_source(Ansible(path="site"), library)
    names = sorted(record.name for record in found.records if isinstance(record, ApiRecord))
    assert names == ["acme.toys.half", "acme.toys.side", "acme.toys.toy"]
    assert [record.deprecated for record in found.records if getattr(record, "name", "") == "acme.toys.side"] == [True]
    reasons = {reject.locator.rpartition("/")[2]: reject.reason for reject in found.rejects}
    assert sorted(reasons) == ["acme.toys.nowhere", "bad.py", "half.py#RETURN", "none.py"]
    assert "in none of the packages" in reasons["acme.toys.nowhere"]
    assert "not YAML" in reasons["bad.py"]


def test_a_changed_fragment_changes_the_fingerprint(library: Context) -> None:
    source = Ansible(path="site")
    before = source.partitions(library)
    assert source.partitions(library) == before
    file = library.workspace / "site/ansible_collections/acme/toys/plugins/doc_fragments/auth.py"
    file.write_text(FRAGMENTS.replace("To be let in.", "To get in."))
    assert all(a.fingerprint != b.fingerprint for a, b in zip(before, source.partitions(library), strict=True))


def test_hostile_yaml_is_refused(library: Context) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    folder = library.workspace / "site/ansible_collections/acme/toys/plugins/modules"
    bomb = "\n".join(lines)
    (folder / "bomb.py").write_text(f'DOCUMENTATION = """\n{bomb}\n"""\n')
    (folder / "deep.py").write_text(f'DOCUMENTATION = """\n{"[" * 5_000}\n"""\n')
    (folder / "tag.py").write_text('DOCUMENTATION = """\n!!python/object/apply:os.system [exit]\n"""\n')
    found = check_source(Ansible(path="site"), library)
    rejected = {reject.locator.rpartition("/")[2] for reject in found.rejects}
    assert {"bomb.py", "deep.py", "tag.py"} <= rejected


def test_what_is_not_there_is_said(library: Context) -> None:
    with pytest.raises(StepError, match="path=none"):
        Ansible(path="none").partitions(library)
    with pytest.raises(StepError, match=r"no Ansible module of acme.games in site"):
        Ansible(path="site", collections=("acme.games",)).partitions(library)
    with pytest.raises(ValueError, match="packages is empty"):
        Ansible(packages=())
    with pytest.raises(ValueError, match="names no package"):
        Ansible(packages=("--index-url",))
    plan = Ansible().plan(library)
    assert "pip download --no-deps ansible==12.3.0" in plan
    assert "GPL-3.0-or-later" in plan
    assert "GPL-3.0-or-later" in Ansible(path="site").plan(library)


def test_every_module_of_the_real_ansible_core(material_context: Context) -> None:
    found = check_source(Ansible(packages=CORE), material_context)
    records = {record.name: record for record in found.records if isinstance(record, ApiRecord)}
    (wheel,) = (material_context.cache / "packages").glob("pip-ansible-core-2.19.14-*/*.whl")
    with zipfile.ZipFile(wheel) as packed:
        texts = {
            f"ansible.builtin.{Path(name).stem}": packed.read(name)
            for name in packed.namelist()
            if name.startswith("ansible/modules/") and not name.endswith("__init__.py")
        }
    documented = {name for name, text in texts.items() if b"\nDOCUMENTATION = " in text}
    assert set(records) == documented
    assert len(documented) > 60
    copy = records["ansible.builtin.copy"]
    assert copy.license == "GPL-3.0-or-later"
    assert copy.version == "2.19.14"
    assert copy.parameters["properties"]["force"]["default"] is True
    assert {"owner", "validate", "dest"} <= set(copy.parameters["properties"])  # two are from fragments
    assert copy.parameters["required"] == ["dest"]
    assert copy.examples[0]["arguments"]["dest"] == "/etc/foo.conf"
    assert copy.url == "https://docs.ansible.com/ansible/latest/collections/ansible/builtin/copy_module.html"
    assert [reject.locator.rpartition("/")[2] for reject in found.rejects] == ["async_wrapper.py"]


@pytest.mark.slow
def test_every_module_of_the_real_collections(material_context: Context) -> None:
    source = Ansible()
    found = [r for part in source.partitions(material_context) for r in source.records(part, material_context)]
    records = [record for record in found if isinstance(record, ApiRecord)]
    assert len(records) > 9_400
    assert len({record.id for record in records}) == len(records)
    assert sum(isinstance(record, Reject) for record in found) < 40
    assert sum(bool(record.examples) for record in records) > 8_000
    assert max(len(orjson.dumps(record.parameters)) for record in records) < 100_000
