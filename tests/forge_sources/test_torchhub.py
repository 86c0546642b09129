"""The source `torchhub`: hubconf.py of repositories, never run, and rows of APIBench."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.steps import HttpResponse
from forge.testing import check_source, context
from forge_sources.rows.reader import Row
from forge_sources.torchhub.apibench import api_of_row, read_call
from forge_sources.torchhub.code import Repository, entries
from forge_sources.torchhub.source import TorchHub

FIXTURE = Path(__file__).parents[3] / "shared" / "fixtures" / "apibench" / "torchhub_api.jsonl"

HUBCONF = '''
dependencies = ["torch", "numpy"]
import os
open("RAN", "w").write("ran")
from os.path import join
from torch.hub import load_state_dict_from_url
from nets.models import resnet as small_resnet, Missing
from nets.models import *
from nets import utils

try:
    from nets.text import Encoder
except ImportError:
    pass

_private = 1


def _helper():
    pass


def detector(pretrained: bool = True, classes: int = 80, name="base", *, device: "str | None" = None, **kwargs):
    """Find things in images.

    A second paragraph.

    Args:
        pretrained (bool): Load trained weights.
        classes: How many classes there are.
        threshold (float): Lowest score of a box.

    Returns:
        The detector, ready to run.
    """
'''
NETS = {
    "nets/__init__.py": "",
    "nets/utils.py": "x = 1\n",
    "nets/models/__init__.py": "from .resnet import resnet\nfrom .wide import *\n",
    "nets/models/resnet.py": (
        'def resnet(depth, size=(3, 4)):\n    """A residual net.\n\n    :param depth: Layers.\n    """\n'
    ),
    "nets/models/wide.py": '__all__ = ["wide"]\ndef wide():\n    """Wide net."""\ndef other():\n    pass\n',
    "nets/text.py": (
        'class Encoder:\n    """Encode text."""\n    def __init__(self, words: list[str], dim: int):\n'
        '        """Make one.\n\n        Parameters\n        ----------\n'
        '        words : list\n            The vocabulary.\n        """\n'
    ),
    "LICENSE": "Apache License\nVersion 2.0, January 2004\n",
}


def write_repository(folder, **more):
    for name, text in {"hubconf.py": HUBCONF, **NETS, **more}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def write_archive(path, top="repo-1.0"):
    files = {f"{top}/{name}": text.encode() for name, text in {"hubconf.py": HUBCONF, **NETS}.items()}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in files.items():
                packed.writestr(name, data)
        return
    with tarfile.open(path, "w:gz") as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))


def by_name(found):
    return {record.name: record for record in found.records}


def test_entry_points_of_a_folder(tmp_path):
    folder = write_repository(tmp_path / "vision")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text('[remote "origin"]\n\turl = git@github.com:org/vision.git\n')
    found = check_source(TorchHub(paths=("vision",)), context(tmp_path))
    assert not list(tmp_path.rglob("RAN"))
    apis = by_name(found)
    assert set(apis) == {"Encoder", "detector", "resnet", "small_resnet", "wide"}
    detector = apis["detector"]
    assert (detector.provider, detector.service, detector.kind) == ("pytorch.org", "org/vision", "model")
    assert detector.description == "Find things in images.\n\nA second paragraph."
    assert detector.parameters == {
        "type": "object",
        "properties": {
            "pretrained": {"type": "boolean", "default": True, "description": "Load trained weights."},
            "classes": {"type": "integer", "default": 80, "description": "How many classes there are."},
            "name": {"type": "string", "default": "base"},
            "device": {"type": "string", "default": None},
            "threshold": {"type": "number", "description": "Lowest score of a box."},
        },
    }
    assert detector.returns == {"description": "The detector, ready to run."}
    assert detector.meta["requirements"] == ["torch", "numpy"]
    assert detector.meta["api_call"] == "torch.hub.load('org/vision', 'detector')"
    assert (detector.license, detector.license_evidence) == ("Apache-2.0", "the repository's LICENSE")
    assert apis["resnet"].meta["module"] == "nets/models/resnet.py"
    assert apis["resnet"].parameters["required"] == ["depth"]
    assert apis["resnet"].parameters["properties"]["size"] == {"type": "array", "default": [3, 4]}
    encoder = apis["Encoder"].parameters
    assert encoder["properties"]["words"] == {
        "type": "array",
        "items": {"type": "string"},
        "description": "The vocabulary.",
    }
    assert (encoder["required"], encoder["additionalProperties"]) == (["words", "dim"], False)
    reason = "Missing is imported from nets.models, where it is not defined"
    assert found.rejects == [Reject(locator="org/vision:hubconf.py:Missing", reason=reason)]


@pytest.mark.parametrize("name", ["repo.tar.gz", "repo.zip"])
def test_an_archive_gives_the_same(tmp_path, name):
    write_archive(tmp_path / name)
    found = check_source(TorchHub(paths=(f"org/repo={name}",)), context(tmp_path))
    assert set(by_name(found)) == {"Encoder", "detector", "resnet", "small_resnet", "wide"}
    assert {record.service for record in found.records} == {"org/repo"}
    assert not list(tmp_path.rglob("RAN"))


class Archives:
    """A client that downloads one archive."""

    def __init__(self, archive):
        self.archive, self.asked = archive, []

    def download(self, request, path):
        self.asked.append(request.url)
        path.write_bytes(self.archive.read_bytes())
        return HttpResponse(url=request.url, status=200, headers={}, body=b"")


def test_a_repository_of_github_is_fetched_once(tmp_path):
    write_archive(tmp_path / "a.tar.gz")
    client = Archives(tmp_path / "a.tar.gz")
    here = context(tmp_path, http=client)
    source = TorchHub(repositories=("org/repo:v1",))
    assert source.plan(here).endswith("fetches 1 archives of some 1 to 50 MB each")
    found = check_source(source, here)
    assert client.asked == ["https://codeload.github.com/org/repo/tar.gz/v1"]
    assert source.plan(here).endswith("fetches nothing")
    assert by_name(found)["wide"].version == "v1"
    assert by_name(found)["wide"].meta["api_call"] == "torch.hub.load('org/repo:v1', 'wide')"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"hubconf.py": "def broken(:\n"}, "is not Python that can be parsed"),
        ({"setup.py": ""}, "there is none of at most 1 MB"),
    ],
)
def test_a_repository_without_a_usable_hubconf_is_a_reject(tmp_path, files, reason):
    for name, text in files.items():
        (tmp_path / "repo").mkdir(exist_ok=True)
        (tmp_path / "repo" / name).write_text(text)
    found = check_source(TorchHub(paths=("repo",)), context(tmp_path))
    assert found.rejects == [Reject(locator="repo:hubconf.py", reason=reason)]


def test_a_damaged_archive_is_a_reject(tmp_path):
    write_archive(tmp_path / "a.tar.gz")
    (tmp_path / "a.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:200])
    found = check_source(TorchHub(paths=("a.tar.gz",)), context(tmp_path))
    assert "not a whole archive" in found.rejects[0].reason


def test_imports_in_a_circle_end():
    files = {"hubconf.py": "from a import thing\nfrom a import *", "a.py": "from b import *", "b.py": "from a import *"}
    assert [entry.problem for entry in entries(Repository(files=files))] == [
        "thing is imported from a, where it is not defined"
    ]


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="def classfromimport*().,:= \n'\"_ab", max_size=120))
def test_no_source_text_breaks_the_reader(text):
    list(entries(Repository(files={"hubconf.py": text, "a.py": text})))


@pytest.mark.skipif(not FIXTURE.is_file(), reason="the fixtures are not beside the repository")
def test_every_real_row_of_apibench_is_a_record_or_a_reject(tmp_path):
    (tmp_path / "torchhub_api.jsonl").write_bytes(FIXTURE.read_bytes())
    found = check_source(TorchHub(paths=("torchhub_api.jsonl",)), context(tmp_path))
    rows = [json.loads(line) for line in FIXTURE.read_text().splitlines()]
    assert len(found.records) + len(found.rejects) == len(rows) == 94
    (reject,) = found.rejects
    assert reject.locator == "torchhub_api.jsonl:82"
    assert reject.reason == "api_call names the repository huggingface/pytorch-transformers, and no model in it"
    named = {record.name: record for record in found.records}
    assert named["transformer.wmt14.en-fr"].service == "pytorch/fairseq"  # told by its example alone
    assert named["meal_v2"].parameters["properties"].keys() >= {"model", "pretrained"}  # a model by position
    others = {"name", "type", "description", "repo_or_dir", "repository", "version", "force_reload"}
    assert not [record.name for record in found.records if others & set(record.parameters.get("properties", {}))]
    assert {record.category for record in found.records} <= {row["domain"] for row in rows}
    first = found.records[0]
    assert (first.provider, first.service, first.name) == ("pytorch.org", "facebookresearch/pytorchvideo", "slow_r50")
    assert first.parameters["properties"] == {"pretrained": {"type": "boolean", "examples": [True]}}
    assert first.examples[0]["arguments"] == {"pretrained": True}
    assert first.meta["performance"]["dataset"] == "Kinetics 400"


def row(**fields):
    return Row(number=1, locator="f:1", value={"description": "Does a thing well.", **fields})


@pytest.mark.parametrize(
    ("call", "provider", "name"),
    [
        ("torch.hub.load('a/b', 'm', pretrained=True)", "pytorch.org", "m"),
        ("hub.load('https://tfhub.dev/google/x/4')", "tfhub.dev", "google/x/4"),
        ("hub.KerasLayer('https://tfhub.dev/google/x/4', trainable=False)", "tfhub.dev", "google/x/4"),
        ("hub.load('https://tfhub.dev/google/x/1').call(inputs)", "tfhub.dev", "google/x/1"),
        ("AutoModel.from_pretrained('org/x')", "huggingface.co", "org/x"),
        ("pipeline('text-generation', model='org/x')", "huggingface.co", "org/x"),
        ("SentenceTransformer('org/x')", "huggingface.co", "org/x"),
    ],
)
def test_calls_of_all_three_hubs(call, provider, name):
    record = api_of_row(row(api_call=call, api_arguments=None, example_code=None), source="torchhub")
    assert isinstance(record, ApiRecord)
    assert (record.provider, record.name) == (provider, name)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "has no api_call"),
        ({"api_call": ""}, "is empty"),
        ({"api_call": "f(a, b=)"}, "is not Python"),
        ({"api_call": "print()"}, "names no model"),
        ({"api_call": "torch.hub.load('a/b', 'm')", "description": " "}, "has no description"),
    ],
)
def test_rows_that_are_no_api_say_why(fields, reason):
    found = api_of_row(row(**fields), source="torchhub")
    assert isinstance(found, Reject)
    assert reason in found.reason


def test_arguments_of_every_shape():
    def properties(arguments):
        call = "torch.hub.load('a/b', 'm', size=3)"
        return api_of_row(row(api_call=call, api_arguments=arguments), source="t").parameters["properties"]

    assert properties({"x": "Text input", "y": "2", "z": 3}) == {
        "x": {"description": "Text input"},
        "y": {"type": "integer", "examples": [2]},
        "z": {"type": "integer", "examples": [3]},
        "size": {"type": "integer"},
    }
    for plain in (["x"], "x", [{"x": None}]):
        assert list(properties(plain)) == ["x", "size"]
    for nothing in ("N/A", None, [], "speech input"):
        assert list(properties(nothing)) == ["size"]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_no_call_breaks_the_reader(text):
    read_call(text)


def test_options_and_paths_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(ValueError, match="name something to read"):
        TorchHub()
    with pytest.raises(ValueError, match="owner/name"):
        TorchHub(repositories=("vision",))
    with pytest.raises(StepError, match="mend paths="):
        TorchHub(paths=("nothing/*",)).partitions(context(tmp_path))


def test_members_of_an_archive_that_are_refused_are_named(tmp_path):
    hub = b"def net(pretrained=False):\n    '''A net.'''\n"
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as packed:
        packed.writestr("r/hubconf.py", hub)
        packed.writestr("r/../../out.py", b"x = 1")
    found = check_source(TorchHub(paths=("good.zip",)), context(tmp_path))
    assert [record.name for record in found.records] == ["net"]
    (reject,) = found.rejects
    assert reject.locator.endswith("out.py")
    assert reject.reason == "its path leads out of the archive"


def test_a_hubconf_that_is_too_large_is_a_reject_that_names_the_limit(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("r/hubconf.py", b"#" * 3_000_000)
    (reject,) = check_source(TorchHub(paths=("bomb.zip",)), context(tmp_path)).rejects
    assert (reject.locator, reject.reason) == ("bomb:hubconf.py", "there is none of at most 1 MB")
