import random
import string

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.testing import check_filter, documents
from forge_filters.secrets import Secrets
from forge_filters.secrets_formats import bits

DRAWN = random.Random(20)


def drawn(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    """Letters of a key; made here, so that no scanner of repositories sees one."""
    return "".join(DRAWN.choice(letters) for _ in range(length))


BASE32 = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"
PLANTED = {
    "aws key": f"AKIA{drawn(16, BASE32)}",
    "github token": f"ghp_{drawn(36)}",
    "gitlab token": f"glpat-{drawn(20)}",
    "slack token": f"xoxb-{drawn(12, string.digits)}-{drawn(12, string.digits)}-{drawn(24)}",
    "slack webhook": f"hooks.slack.com/services/T{drawn(8)}/B{drawn(8)}/{drawn(24)}",
    "stripe key": f"sk_live_{drawn(24)}",
    "anthropic key": f"sk-ant-api03-{drawn(93)}AA",
    "openai key": f"sk-proj-{drawn(48)}",
    "google key": f"AIza{drawn(35)}",
    "huggingface token": f"hf_{drawn(34, string.ascii_letters)}",
    "npm token": f"npm_{drawn(36)}",
    "sendgrid key": f"SG.{drawn(22)}.{drawn(43)}",
    "twilio key": f"SK{drawn(32, HEX)}",
    "digitalocean token": f"dop_v1_{drawn(64, HEX)}",
    "telegram token": f"{drawn(9, '123456789')}:AA{drawn(33)}",
    "azure key": f"AccountKey={drawn(86)}==",
    "web token": f"eyJ{drawn(20)}.eyJ{drawn(40)}.{drawn(43)}",
}
ASSIGNED = [
    f"client_secret = '{drawn(24)}'",
    f'"api_key": "{drawn(32, HEX)}"',
    f"DB_PASSWORD={drawn(20)}",
    f"accessToken: {drawn(30)}",
    f"Authorization: Bearer {drawn(40)}",
]
SHOWN = [
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "api_key = 'YOUR_API_KEY_GOES_HERE_123'",
    "token = os.environ['GITHUB_TOKEN_2']",
    "password: ${DB_PASSWORD_FROM_VAULT_1}",
    "secret = 'abcdef1234567890abcdef'",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "postgres://user:password@localhost/db",
    "https://user:${TOKEN12345}@host.org",
    "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
    "spdx_license_key: LicenseRef-scancode-eclipse-sua-2003",
    "private_key = Ed25519PrivateKey.generate()",
    "next_page_token = 'CAUQAA2xkZ8sPq1w9LmN'",
    "commit = 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "token_id: 123e4567-e89b-12d3-a456-426614174000",
    "class SecretManagerServiceClientFactory2: token = SecretManagerServiceClient",
]


def pem(lines: int = 6) -> str:
    body = "\n".join(drawn(64, string.ascii_letters + string.digits + "+/") for _ in range(lines))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"


def judge(*texts: str, meta: str = "{}", **options):
    batch = pa.RecordBatch.from_pydict({"text": list(texts), "meta": [meta] * len(texts)})
    return Secrets(**options).judge(batch, None)


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("around", ["{}", "key {}.", "'{}'", "x=\\n{}\\n", "https://{}", '{{"a":"b","c":"{}"}}'])
def test_keys_of_known_formats(kind, around):
    found = judge(around.format(PLANTED[kind]))
    assert found.changes.to_pylist() == [f"{kind} 1"]
    label = kind.upper().replace(" ", "_")
    assert found.text[0].as_py() == around.format(f"[{label}_1]")


def test_a_key_for_a_test_mode_is_a_key():
    assert judge(f"key: sk_test_{drawn(24)}", "key: sk_test_xxxxxxxxxxxxxxxxxxxxxxxx").changes.to_pylist() == [
        "stripe key 1",
        None,
    ]


@pytest.mark.parametrize("line", ASSIGNED)
def test_assigned_secrets(line):
    found = judge(f"a\n{line}\nb")
    assert found.changes.to_pylist() == ["assigned secret 1"]


def test_a_password_in_an_address():
    found = judge("postgres://ops:g7Rt2kLw9@db.harbour.net/main")
    assert found.text[0].as_py() == "postgres://ops:[PASSWORD_1]@db.harbour.net/main"


@pytest.mark.parametrize("text", SHOWN)
def test_what_documentation_makes_up_stays(text):
    assert judge(text, f"say {text} then").text.to_pylist() == [None, None]


def test_private_keys_whole_cut_off_and_on_one_line():
    key = pem()
    cut = key.rpartition("\n")[0]
    escaped = key.replace("\n", "\\n")
    found = judge(f"a\n{key}\nb", f"a\n{cut}\n\nThen prose.", f'{{"key": "{escaped}"}}')
    assert found.text[0].as_py() == "a\n[PRIVATE_KEY_1]\nb"
    assert found.text[1].as_py().startswith("a\n[PRIVATE_KEY_1]")
    assert found.text[1].as_py().endswith("Then prose.")
    assert found.text[2].as_py() == '{"key": "[PRIVATE_KEY_1]"}'


def test_the_same_key_has_the_same_placeholder():
    key, other = PLANTED["aws key"], f"AKIA{drawn(16, BASE32)}"
    assert judge(f"{key} {other} {key}").text[0].as_py() == "[AWS_KEY_1] [AWS_KEY_2] [AWS_KEY_1]"


def test_loss_spans_keep_their_places():
    text = f"ask\n{pem()}\n{PLANTED['github token']}\npostgres://ops:g7Rt2kLw9@db.net/"
    found = judge(text, meta='{"loss_spans":[[0,3]]}').text[0].as_py()
    assert len(found) == len(text)
    assert found.endswith("\npostgres://ops:[P1_____]@db.net/")


def test_dropping():
    found = judge(PLANTED["aws key"], "nothing", action="drop")
    assert found.reason.to_pylist() == ["aws key", None]
    assert found.text.null_count == 2


def test_contract():
    texts = [*PLANTED.values(), *ASSIGNED, *SHOWN, pem(), " ".join(PLANTED.values()), "[AWS_KEY_3]"]
    for step in (Secrets(), Secrets(action="drop"), Secrets(drop_above=1)):
        check_filter(step, documents(*texts))


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(
        st.sampled_from([*PLANTED.values(), *ASSIGNED, *SHOWN, "\n", '"', ',"', "token=", ":", "//", "@", "a1", "-"]),
        max_size=7,
    ),
    glue=st.sampled_from(["", " "]),
    fixed=st.booleans(),
)
def test_judged_again_nothing_changes(words, glue, fixed):
    meta = '{"loss_spans":[]}' if fixed else "{}"
    text = glue.join(words)
    new = judge(text, meta=meta).text[0].as_py()
    if new is not None:
        assert judge(new, meta=meta).text[0].as_py() is None
        assert not fixed or len(new) == len(text)


def test_bits():
    assert bits("aaaa") == 0.0
    assert bits("abcd") == 2.0


def test_options_are_checked():
    with pytest.raises(ValueError, match="drop_above"):
        Secrets(drop_above=-1)
