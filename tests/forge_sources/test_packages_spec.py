import pytest

from forge_sources.packages.spec import PackageSpec, parse_spec


@pytest.mark.parametrize(
    ("text", "registry", "name", "version"),
    [
        ("pip:flask", "pip", "flask", ""),
        ("pip:Flask==3.1.3", "pip", "Flask", "3.1.3"),
        ("pip-sdist:zope.interface==8.7", "pip-sdist", "zope.interface", "8.7"),
        ("npm:three@0.182.0", "npm", "three", "0.182.0"),
        ("npm:@babel/core", "npm", "@babel/core", ""),
        ("npm:@babel/core@8.1.2", "npm", "@babel/core", "8.1.2"),
        ("apt:g++", "apt", "g++", ""),
        ("apt:debian-faq=11.1", "apt", "debian-faq", "11.1"),
    ],
)
def test_names_are_read_and_written_back(text, registry, name, version):
    spec = parse_spec(text)
    assert spec == PackageSpec(registry=registry, name=name, version=version)
    assert str(spec) == text


@pytest.mark.parametrize(
    "text",
    [
        "flask",
        "gem:rails",
        "pip:",
        "pip:--index-url",
        "pip:flask==--pre",
        "pip:flask==1.*",
        "pip:flask==1.0 other",
        "pip:../flask",
        "pip:@scope/name",
        "npm:../x",
        "npm:@scope/../x",
        "npm:a/b",
        "apt:Upper",
        "pip:flask; rm -rf x",
    ],
)
def test_what_could_be_an_option_or_a_path_is_refused(text):
    with pytest.raises(ValueError, match=r"names no package|unknown registry|is no name|is no version"):
        parse_spec(text)


def test_the_message_says_what_to_write():
    with pytest.raises(ValueError, match=r"pip:flask==3\.1\.3"):
        parse_spec("django")


@pytest.mark.parametrize(
    ("text", "pinned"),
    [("pip:a", False), ("pip:a==1", True), ("npm:a@7", False), ("npm:a@latest", False), ("npm:a@7.1.0", True)],
)
def test_what_counts_as_pinned(text, pinned):
    assert parse_spec(text).is_pinned is pinned


def test_keys_are_file_names_and_differ():
    texts = ["pip:a", "pip-sdist:a", "pip:a==1", "npm:a@1", "npm:@a/b", "npm:a-b", "apt:a-b"]
    keys = [parse_spec(text).key for text in texts]
    assert len(set(keys)) == len(texts)
    assert all(key == key.strip(".") and "/" not in key and "@" not in key for key in keys)
