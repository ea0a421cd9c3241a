from datetime import timedelta
from pathlib import Path

import pytest

from triage import config
from triage.config import Account, Settings
from triage.config.providers import of_address, providers
from triage.errors import ConfigError
from triage.secret import Secret

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
GOOD = '[[accounts]]\nname = "a"\nhost = "imap.x.com"\nuser = "u"\npassword = "env:P"\n'


PEOPLE = """[[targets]]
name='phone'
type='console'
[[people]]
name='li'
targets=["phone"]
next='wang'
[[people]]
name='wang'
targets=["phone"]
"""


def faults(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert caught.value.exit_code == 2
    return str(caught.value).replace(str(path), "FILE").split("\n")


def test_the_example_is_a_valid_configuration():
    assert config.load(EXAMPLE).accounts[0].name == "my-store"


def test_every_setting_is_explained_in_the_example():
    text = EXAMPLE.read_text(encoding="utf-8")
    models = [Settings, config.Account, config.Target, config.Person, config.Route, config.Polling, config.Alerting]
    models += [
        config.Backup,
        config.Heartbeat,
        config.Sender,
        config.Report,
        config.Calendar,
        config.Web,
        config.Logging,
    ]
    for model in models:
        for key in model.model_fields:
            assert f"{key} = " in text or f"[{key}]" in text or f"[[{key}]]" in text, (
                f"{model.__name__}.{key} is not in the example"
            )


def test_the_defaults_in_the_example_are_the_real_ones():
    loaded = config.load(EXAMPLE)
    assert loaded.polling == config.Polling()
    assert loaded.alerting == config.Alerting()
    assert loaded.heartbeat == config.Heartbeat()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("langage = 'zh'", "FILE: langage: unknown key; did you mean language?"),
        (GOOD + "hots = 1", "FILE: accounts.a.hots: unknown key; did you mean host?"),
        (GOOD.replace('user = "u"\n', ""), "FILE: accounts.a.user: missing; this key is required"),
        ("time_zone = 'Asia/Shangai'", "FILE: time_zone: expected a time zone such as Asia/Shanghai; did you mean Asia/Shanghai?"),
        ("[polling]\nevery = 5", 'FILE: polling.every: expected a duration with its unit, such as "2 minutes"'),
        ("[polling]\nevery = '0 seconds'", "FILE: polling.every: expected at least \"1 second\"; providers block clients that ask all the time"),
        (GOOD + GOOD, 'FILE: accounts: the name "a" is used twice; names must differ'),
        (GOOD + "targets = ['phne']\n[[targets]]\nname='phone'\ntype='console'", 'FILE: accounts.a.targets: no target is called "phne"; did you mean phone?'),
        ("language = 'fr'", "FILE: language: input should be 'zh' or 'en'"),
        ("[[targets]]\nname='x'\ntype='jsonl'", 'FILE: targets.x: path: missing; a target of type "jsonl" needs the file to append to'),
        (GOOD.replace('host = "imap.x.com"', 'provider = "gmial"'), 'FILE: accounts.a: provider: "gmial" is not known; did you mean gmail?'),
        (GOOD.replace('host = "imap.x.com"\n', ""), f"FILE: accounts.a: host: missing; name the IMAP server, or a provider: {', '.join(providers())}"),
        (PEOPLE.replace('"phone"]', '"fone"]', 1), 'FILE: people.li.targets: no target is called "fone"; did you mean phone?'),
        (PEOPLE + "[[routes]]\nname='r'\nto=['lii']", 'FILE: routes.r.to: no target or person is called "lii"; did you mean li?'),
        (PEOPLE + "[[routes]]\nname='r'\nto=['li']\naccounts=['shop']", 'FILE: routes.r.accounts: no account is called "shop"; known are none'),
        (PEOPLE + "next='li'\n", "FILE: people.li.next: the escalation goes in a circle: li -> wang -> li"),
        (PEOPLE.replace("name='wang'", "name='li'").replace("next='wang'", ""), 'FILE: people: the name "li" is used twice; names must differ'),
        ("[alerting]\nquiet = '22-8'", 'FILE: alerting.quiet: expected hours such as "22:00-08:00"'),
        ("[alerting]\ndigest = '8 o clock'", 'FILE: alerting.digest: expected a time of day such as "08:30", or false'),
        ("[[targets]]\nname='x'\ntype='apprise'\nurl='json://h'\nkey='k'", 'FILE: targets.x: key: only a target of type "webhook" is signed'),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_file_key_and_what_is_allowed(tmp_path, text, line):
    assert faults(tmp_path, text) == [line]


def test_two_mistakes_are_two_lines(tmp_path):
    assert len(faults(tmp_path, "langage = 'zh'\nfoo = 1")) == 2


def test_what_is_no_toml_is_said_with_its_line(tmp_path):
    assert "not valid TOML" in faults(tmp_path, "language = ")[0]


def test_a_password_never_shows_in_a_fault(tmp_path):
    text = GOOD.replace("env:P", "hunter2").replace('user = "u"', "user = 5")
    assert "hunter2" not in "\n".join(faults(tmp_path, text))


def test_a_secret_comes_from_the_environment_a_file_a_command_or_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("P", "one")
    (tmp_path / "secret").write_text("two\n")
    assert Secret("env:P", "k").reveal() == "one"
    assert Secret(f"file:{tmp_path}/secret", "k").reveal() == "two"
    assert Secret("cmd:printf three", "k").reveal() == "three"
    assert Secret("four", "k").reveal() == "four"
    assert "four" not in repr(Secret("four", "k"))


@pytest.mark.parametrize("source", ["env:NOT_SET_ANYWHERE", "file:/no/such/file", "cmd:false", "cmd:/no/such/program"])
def test_a_missing_secret_says_which_key_and_where(source):
    with pytest.raises(ConfigError, match=r"^accounts\.shop\.password: "):
        Secret(source, "accounts.shop.password").reveal()


def test_an_account_shows_no_password():
    assert "hunter2" not in repr(Account(name="a", host="h", user="u", password="hunter2"))


def test_a_duration_may_be_written_as_people_do(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("[polling]\nhistory = '14 days'\nevery = '90s'")
    assert config.load(path).polling.history == timedelta(days=14)
    assert config.load(path).polling.every == timedelta(seconds=90)


def test_a_provider_is_enough(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(GOOD.replace('host = "imap.x.com"', 'provider = "163"'))
    (account,) = config.load(path).accounts
    assert (account.host, account.actual_port, account.security) == ("imap.163.com", 993, "tls")
    path.write_text(GOOD.replace('host = "imap.x.com"', 'provider = "163"\nhost = "127.0.0.1"'))
    assert config.load(path).accounts[0].host == "127.0.0.1"  # what is said expressly counts


def test_an_address_tells_its_provider():
    assert of_address("Me@QQ.com").name == "qq"
    assert of_address("me@vip.163.com").name == "163"
    assert of_address("me@shop.example") is None


def test_every_provider_is_told_of_in_the_example_and_the_docs():
    for page in (EXAMPLE, EXAMPLE.parent / "docs" / "configure.md"):
        text = page.read_text(encoding="utf-8")
        for provider in providers().values():
            assert provider.name in text, (page.name, provider.name)
    for provider in providers().values():
        assert set(provider.password) == {"en", "zh"}
