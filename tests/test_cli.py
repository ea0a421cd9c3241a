"""The command line as its users meet it: help, JSON, exit codes, one clear line for what is wrong."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
import requests

from tests.conftest import NOW, ORDER, SUSPENSION, a_batch, a_raw
from triage import config
from triage.cli import app
from triage.config import Settings
from triage.mail import cursor
from triage.pipeline import take_in
from triage.store.connection import connect

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)
COMMANDS += sorted(group.name for group in app.registered_groups)


@pytest.fixture
def home(tmp_path, models):
    """A configuration with a database of one case and one ordinary mail."""
    (tmp_path / "config.toml").write_text(
        f'data = "{tmp_path}/data"\nmodels = "{models}"\n[[accounts]]\nname = "shop"\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\n'
        f'user = "u"\npassword = "env:SHOP_PASSWORD"\n[[targets]]\nname = "file"\ntype = "jsonl"\npath = "{tmp_path}/alerts.jsonl"\n'
    )
    return tmp_path


@pytest.fixture
def with_case(home, model, models):
    settings = Settings.model_validate(
        {
            "data": home / "data",
            "models": models,
            "accounts": [{"name": "shop", "host": "h", "user": "u", "password": "p"}],
            "targets": [{"name": "file", "type": "jsonl", "path": home / "alerts.jsonl"}],
        }
    )
    db = connect(settings.database)
    cursor.begin(db, "shop", "INBOX", 7, last_uid=0, history_through=0)
    take_in(db, a_batch(a_raw(), a_raw("Sold, ship now: lantern", ORDER)), model, settings, NOW)
    db.close()
    return home


def triage(home, *arguments, stdin=b"", **env):
    """The program as a process, with a home of its own."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRIAGE_") and k != "COLUMNS"}
    config = {"TRIAGE_CONFIG": str(home / "config.toml")} if (home / "config.toml").exists() else {}
    return subprocess.run(
        [sys.executable, "-m", "triage", *map(str, arguments)],
        input=stdin, capture_output=True, timeout=110, check=False, cwd=home,
        env={**clean, "HOME": str(home), "SHOP_PASSWORD": "p", **config, **env},
    )  # fmt: skip


def refused(done, code, *says):
    """One clear line on standard error, nothing on standard output."""
    error = done.stderr.decode()
    assert done.returncode == code, error
    assert done.stdout == b""
    assert "Traceback" not in error
    for part in says:
        assert part in " ".join(error.split()), error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_teaches(tmp_path, command):
    done = triage(tmp_path, command, "--help")
    assert done.returncode == 0
    assert len(done.stdout) > 300


def test_help_and_cases_do_not_import_what_costs_a_second(with_case):
    code = "import sys; sys.argv = ['triage', *{!r}]\nfrom triage.cli import main\ntry: main()\nexcept SystemExit: pass\n" \
           "bad = [m for m in ('sklearn', 'scipy', 'apprise', 'imapclient') if m in sys.modules]\nassert not bad, bad"  # fmt: skip
    for arguments in (["--help"], ["cases"]):
        env = {**os.environ, "TRIAGE_CONFIG": str(with_case / "config.toml"), "SHOP_PASSWORD": "p"}
        done = subprocess.run(
            [sys.executable, "-c", code.format(arguments)], capture_output=True, text=True, env=env, check=False
        )
        assert done.returncode == 0, done.stderr


def test_cases_as_a_table_and_as_json(with_case):
    table = triage(with_case, "cases").stdout.decode()
    assert "account suspended" in table
    assert "\x1b" not in table  # colours go away in pipes
    (row,) = json.loads(triage(with_case, "cases", "--json").stdout)
    assert (row["case"], row["cause"], row["stage"], row["status"]) == (1, "authenticity", "suspended", "open")


def test_filters_narrow_the_list(with_case):
    assert json.loads(triage(with_case, "cases", "--json", "--cause", "kyc").stdout) == []
    assert (
        len(json.loads(triage(with_case, "cases", "--json", "--platform", "amazon", "--stage", "suspended").stdout))
        == 1
    )


def test_a_case_shows_everything(with_case):
    shown = triage(with_case, "case", "1").stdout.decode()
    for part in ("account suspended - Authenticity", "Next steps", "Evidence to gather", "case 16744219803", "Because", "Funds are on hold",
                 "opened", "History"):  # fmt: skip
        assert part in shown, part
    document = json.loads(triage(with_case, "case", "1", "--json").stdout)
    assert document["advice"]["appealability"] == "hard"
    assert "authenticity of the items" in document["messages"][0]["text"]
    assert triage(with_case, "case", "1", "--lang", "zh").stdout.decode().count("下一步") == 1


def test_the_story_of_a_case_by_commands(with_case):
    for arguments, says in [
        (("ack", 1, "--by", "li"), "acknowledged by li. Now authenticity, suspended, acknowledged."),
        (("note", 1, "called the supplier"), "note by"),
        (("reclassify", 1, "--cause", "kyc", "--stage", "restricted"), "corrected by"),
        (("undo", 1), "undone by"),
        (("reclassify", 1, "--not-a-warning"), "Now none, none, dismissed."),
        (("undo", 1), "Now authenticity, suspended, acknowledged."),
        (("close", 1, "-m", "won"), "closed by"),
    ]:
        done = triage(with_case, *arguments)
        assert done.returncode == 0, done.stderr
        assert says in done.stdout.decode()
    assert "called the supplier" in triage(with_case, "case", "1").stdout.decode()


def test_a_case_goes_through_a_team_by_commands(with_case):
    for arguments, says in [
        (("assign", 1, "Li Wei"), "assigned by"),
        (("mark", 1, "preparing"), "suspended, preparing."),
        (("snooze", 1, "4 minutes"), "snoozed by"),
        (("snooze", 1, "off"), "snoozed by"),
        (("tick", 1, "prove", "evidence.invoices", "--by", "li"), "Case 1: evidence.invoices ticked by li."),
        (("mark", 1, "submitted", "-m", "plan of action"), "suspended, submitted."),
        (("tick", 1, "prove", "--not-done"), "prove unticked"),
        (("mark", 1, "lost"), "suspended, lost."),
        (("mark", 1, "open"), "suspended, open."),
    ]:
        done = triage(with_case, *arguments)
        assert done.returncode == 0, done.stderr
        assert says in done.stdout.decode()
    shown = triage(with_case, "case", "1").stdout.decode()
    assert "Li Wei has it, answered once" in shown
    assert "evidence.invoices, li" in shown
    assert json.loads(triage(with_case, "cases", "--of", "Li Wei", "--json").stdout)[0]["case"] == 1
    assert json.loads(triage(with_case, "cases", "--of", "Chen", "--json").stdout) == []


def test_what_cannot_be_merged_or_split_is_said(with_case):
    refused(triage(with_case, "merge", 1, 9), 2, "there is no case 9")
    refused(triage(with_case, "merge", 1, 1), 2, "cannot be merged with itself")
    refused(triage(with_case, "snooze", 1, "a while"), 2, '"a while" is not a length of time; use a duration such as')
    refused(triage(with_case, "split", 1, 77), 2, "has no such message: 77")


def test_a_search_finds_mails_and_notes(with_case):
    triage(with_case, "note", 1, "发票 from Mingxin")
    (hit,) = json.loads(triage(with_case, "search", "发票", "--json").stdout)
    assert (hit["case_id"], hit["kind"]) == (1, "note")
    assert "[invoices]" in triage(with_case, "search", "invoices").stdout.decode()
    assert triage(with_case, "search", "nowhere").stdout.decode() == "Nothing found.\n"


def test_stores_show_what_is_open(with_case):
    (store,) = json.loads(triage(with_case, "stores", "--json").stdout)
    assert (store["platform"], store["open"], store["causes"]) == ("amazon", [1], {"authenticity": 1})
    assert "open: #1 Authenticity" in triage(with_case, "stores").stdout.decode()


def test_a_draft_is_written_checked_and_never_written_over(with_case):
    text = triage(with_case, "draft", 1)
    assert text.stdout.decode().startswith("# Plan of action")
    assert b"blanks in [[...]]" in text.stderr
    for name, begins in (("a.md", b"# Plan"), ("a.txt", b"Plan of action"), ("a.docx", b"PK")):
        assert triage(with_case, "draft", 1, "--out", name).returncode == 0
        assert (with_case / name).read_bytes().startswith(begins)
    refused(triage(with_case, "draft", 1, "--out", "a.md"), 2, "a.md: is there already")
    checked = triage(with_case, "draft", 1, "--check", "a.md")
    assert checked.returncode == 1
    assert re.search(r"^a\.md:\d+: blank: not filled in: ", checked.stdout.decode(), re.MULTILINE)
    (with_case / "good.md").write_text("2026-11-20 B0CQ7M2XKD: the item was closed.")
    good = triage(with_case, "draft", 1, "--check", "good.md")
    assert (good.returncode, good.stdout) == (0, b"good.md: nothing to mend.\n")
    assert json.loads(triage(with_case, "draft", 1, "--json").stdout)["letter"] == "plan"


def test_over_a_right_the_choice_is_shown_first(with_case):
    triage(with_case, "reclassify", 1, "--cause", "ip_infringement", "--stage", "listing_removed")
    shown = triage(with_case, "draft", 1).stdout.decode()
    assert shown.startswith("First: is it an infringement at all?")
    assert "--kind counter_notice" in shown
    assert triage(with_case, "draft", 1, "--kind", "dispute").stdout.decode().startswith("# Dispute: no infringement")


def test_report_and_calendar_are_files_other_programs_read(with_case):
    assert triage(with_case, "report", "--out", "r.html", "--until", "2026-11-24").returncode == 0
    assert (with_case / "r.html").read_text().startswith("<!doctype html>")
    assert "## What came" in triage(with_case, "report", "--until", "2026-11-24").stdout.decode()
    assert triage(with_case, "calendar", "--out", "c.ics").returncode == 0
    assert (with_case / "c.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")


def test_a_broken_playbook_of_the_users_stops_the_start_with_one_line(home):
    (home / "playbooks").mkdir()  # found beside the configuration
    (home / "playbooks" / "kyc.toml").write_text('practice = "maybe"')
    refused(triage(home, "run", "--once"), 2, "kyc.toml: practice: input should be")
    assert "kyc.toml: practice" in " ".join(triage(home, "check").stdout.decode().split())
    (home / "playbooks" / "kyc.toml").unlink()
    (home / "playbooks" / "letters").mkdir()
    (home / "playbooks" / "letters" / "plan.md.jinja").write_text("{% if %}")
    assert "plan.md.jinja, line 1" in " ".join(triage(home, "check").stdout.decode().split())


def test_a_missed_warning_is_found_by_its_message(with_case):
    rows = json.loads(triage(with_case, "messages", "--json", "--search", "lantern").stdout)
    done = triage(with_case, "reclassify", rows[0]["id"], "--message", "--cause", "performance")
    # Its mailbox cannot be reached here, so its text cannot be fetched again: one line, and nothing was changed.
    refused(done, 1, "shop:", "trying again")


def test_classify_needs_no_configuration(tmp_path, models):
    (tmp_path / "a.eml").write_bytes(a_raw())
    (tmp_path / "b.eml").write_bytes(a_raw("Sold, ship now: lantern", ORDER))
    (tmp_path / "config.toml").write_text(f'models = "{models}"')
    done = triage(tmp_path, "classify", "a.eml", "b.eml", "--json")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["file"], first["warning"], first["cause"], first["stage"], first["platform"], first["sender"]) == (
        "a.eml", True, "authenticity", "suspended", "amazon", "proven",
    )  # fmt: skip
    assert first["deadline"]["text"] == "within 72 hours"
    assert set(first) >= {"file", "warning", "cause", "also", "stage", "platform", "language", "confidence", "needs_review", "sender", "ids",
                          "deadline", "evidence", "model"}  # fmt: skip
    assert second["warning"] is False
    assert "authenticity" in triage(tmp_path, "classify", "-", stdin=a_raw()).stdout.decode().lower()


def test_classify_reads_an_mbox_and_a_maildir(tmp_path, models):
    import mailbox

    (tmp_path / "config.toml").write_text(f'models = "{models}"')
    box, folder = mailbox.mbox(tmp_path / "box"), mailbox.Maildir(tmp_path / "folder")
    for place in (box, folder):
        place.add(a_raw())
        place.add(a_raw("Sold", ORDER))
        place.close()
    for name in ("box", "folder"):
        lines = [json.loads(line) for line in triage(tmp_path, "classify", name, "--json").stdout.splitlines()]
        assert sorted(line["warning"] for line in lines) == [False, True]


def test_what_is_no_mail_is_said_and_the_rest_is_classified(tmp_path, models):
    (tmp_path / "config.toml").write_text(f'models = "{models}"')
    (tmp_path / "bad.eml").write_bytes(b"\x00\x01 nothing")
    (tmp_path / "good.eml").write_bytes(a_raw())
    done = triage(tmp_path, "classify", "bad.eml", "missing.eml", "good.eml", "--json")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert "bad.eml: not a mail" in done.stderr.decode()
    assert "missing.eml: there is no such file" in done.stderr.decode()


def test_evaluate_prints_one_object_and_nothing_else(tmp_path, models):
    (tmp_path / "config.toml").write_text(f'models = "{models}"')
    rows = [
        {"id": "1", "from": "a@amazon.com", "subject": "Account deactivated", "body": SUSPENSION, "cause": "authenticity", "also": "",
         "stage": "suspended", "platform": "amazon", "lang": "en"},
        {"id": 2, "from": None, "subject": "Sold", "body": ORDER, "cause": "none", "also": [], "stage": "none", "platform": "amazon", "lang": "en",
         "received_at": "2026-01-01T00:00:00Z"},
    ]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = triage(tmp_path, "evaluate", "rows.jsonl", "--json")
    said = json.loads(done.stdout)
    assert set(said) == {"metrics", "rows"}
    assert said["metrics"]["warning_recall"] == said["metrics"]["warning_precision"] == 1.0
    assert set(said["metrics"]) >= {
        "cause_accuracy",
        "cause_macro_f1",
        "stage_accuracy",
        "platform_accuracy",
        "by_language",
        "by_platform",
    }
    assert [set(row) for row in said["rows"]] == [
        {"id", "warning", "cause", "also", "stage", "platform", "confidence", "needs_review"}
    ] * 2
    assert said["rows"][1]["id"] == 2
    assert "warning recall" in triage(tmp_path, "evaluate", "rows.jsonl").stdout.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [(("case", 99), 2, "there is no case 99"), (("close", 1, "--by"), 2, "requires an argument"), (("case", "x"), 2, "valid integer"),
     (("reclassify", 1), 2, "say what it is"), (("reclassify", 1, "--cause", "kycc"), 2, "kycc"), (("cases", "--lang", "fr"), 2, "use zh or en"),
     (("draft", 1, "--kind", "dispute"), 2, "is answered with: plan; not with dispute"), (("draft", 1, "--in", "tlh"), 2, "letters are written in: en, zh"),
     (("draft", 1, "--format", "docx"), 2, "needs a file"), (("draft", 1, "--check", "none.md"), 2, "none.md: cannot be read"),
     (("tick", 1, "dance"), 2, 'case 1 has no "dance"; its steps and evidence are: prove'), (("mark", 1, "dismissed"), 2, "is no status to set"),
     (("search", "***"), 2, "at least one word"), (("report", "--out", "no/such/r.html"), 2, "cannot be written"),
     (("nonsense",), 2, "No such command"), (("evaluate", "missing.jsonl"), 2, "missing.jsonl: cannot be read")],
)  # fmt: skip
def test_wrong_use_is_one_clear_line_and_exit_code_2(with_case, arguments, code, says):
    refused(triage(with_case, *arguments), code, says)


def test_without_a_configuration_the_way_is_shown(tmp_path):
    for command in ("run", "cases", "check"):
        refused(triage(tmp_path, command), 2, "no configuration found; run: triage init")


def test_a_missing_secret_stops_the_start(home):
    refused(
        triage(home, "run", SHOP_PASSWORD=""),
        2,
        "accounts.shop.password: the environment variable SHOP_PASSWORD is not set",
    )


def test_a_damaged_database_is_one_line(with_case):
    (with_case / "data" / "triage.sqlite").write_bytes(b"no database" * 1000)
    refused(triage(with_case, "cases"), 1, "the file is damaged; move it away and restore a backup")


def test_a_damaged_model_is_one_line_and_not_loaded(tmp_path, models):
    import shutil

    shutil.copytree(models, tmp_path / "models")
    (tmp_path / "config.toml").write_text(f'models = "{tmp_path}/models"')
    version = (tmp_path / "models" / "current").read_text().strip()
    (tmp_path / "models" / version / "model.joblib").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    refused(
        triage(tmp_path, "classify", "-", stdin=a_raw()), 1, "was changed since it was trained", "run: triage train"
    )
    assert not (tmp_path / "pwned").exists()


def test_a_bad_corpus_leaves_the_model_in_use(tmp_path, models):
    (tmp_path / "config.toml").write_text(f'models = "{models}"')
    (tmp_path / "more.jsonl").write_text('{"cause": "kyc", "body": "x"}\n{"cause": "what"}\n')
    before = (models / "current").read_text()
    refused(triage(tmp_path, "train", "--data", "more.jsonl"), 2, 'more.jsonl:2: cause: unknown "what"')
    assert (models / "current").read_text() == before


def test_init_writes_a_configuration_that_check_understands(tmp_path, models):
    done = triage(tmp_path, "init", "-c", tmp_path / "new.toml", "--email", "me@163.com", "--language", "zh", "--zone", "Asia/Shanghai",
                  TRIAGE_PASSWORD="s3cret")  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "new.toml").read_text()
    assert 'provider = "163"' in text
    assert "s3cret" not in text
    secret = tmp_path / "me@163.com.password"
    assert secret.read_text() == "s3cret\n"
    assert secret.stat().st_mode & 0o077 == 0
    again = triage(
        tmp_path,
        "init",
        "-c",
        tmp_path / "new.toml",
        "--email",
        "me@163.com",
        "--language",
        "zh",
        "--zone",
        "UTC",
        TRIAGE_PASSWORD="x",
    )
    assert again.returncode == 2
    assert "exists already" in again.stderr.decode()


def test_init_asks_no_password_of_a_provider_that_takes_none(tmp_path):
    done = triage(tmp_path, "init", "-c", tmp_path / "new.toml", "--email", "me@outlook.com", "--language", "en", "--zone", "UTC",
                  "--client-id", "1234")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "triage sign-in me" in done.stdout.decode()
    (account,) = config.load(tmp_path / "new.toml").accounts
    assert (account.sign_in, account.client_id, account.host) == ("microsoft", "1234", "outlook.office365.com")
    assert not list(tmp_path.glob("*.password"))


def test_check_says_what_is_well_and_what_is_not(tmp_path, dovecot, models):
    user = dovecot.user()
    config = f'''
data = "{tmp_path}/data"
models = "{models}"
[[accounts]]
name = "good"
host = "localhost"
port = {dovecot.tls_port}
ca_file = "{dovecot.ca_file}"
user = "{user}"
password = "env:SHOP_PASSWORD"
folders = ["INBOX", "Nope"]
[[accounts]]
name = "bad"
host = "127.0.0.1"
port = 1
security = "none"
user = "u"
password = "plain"
[[targets]]
name = "file"
type = "jsonl"
path = "{tmp_path}/alerts.jsonl"
[[targets]]
name = "wrong"
type = "apprise"
url = "nonsense://x"
'''
    (tmp_path / "config.toml").write_text(config)
    done = triage(tmp_path, "check", "--send-test", "--json", SHOP_PASSWORD=dovecot.PASSWORD)
    assert done.returncode == 1
    well = {finding["what"]: finding["well"] for finding in json.loads(done.stdout)}
    assert well == {
        "configuration": True, "database": True, "mailbox good": True, "folder INBOX": True, "folder Nope": False,
        "password of bad": False, "mailbox bad": False, "model": True, "target file": True, "target wrong": False,
    }  # fmt: skip
    assert "This target works." in (tmp_path / "alerts.jsonl").read_text()
    assert dovecot.PASSWORD not in done.stdout.decode() + done.stderr.decode()


def test_models_lists_the_versions(tmp_path, models):
    (tmp_path / "config.toml").write_text(f'models = "{models}"')
    assert triage(tmp_path, "models").stdout.decode().startswith("* ")
    assert json.loads(triage(tmp_path, "models", "--json").stdout)[0]["current"] is True


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_demo_shows_a_day_of_mail(tmp_path, models, language):
    (tmp_path / "config.toml").unlink(missing_ok=True)
    done = triage(tmp_path, "demo", "--lang", language)
    shown = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    says = {
        "en": ("54 mails read", "nothing in it was marked, moved or deleted", "Linked accounts"),
        "zh": ("共读取 54 封邮件", "未标记、未移动、未删除任何邮件", "关联"),
    }
    for words in says[language]:
        assert words in shown
    config = tmp_path / ".local" / "share" / "triage" / "demo" / "config.toml"
    listed = json.loads(triage(tmp_path, "cases", "--all", "--json", "-c", config).stdout)
    assert {case["platform"] for case in listed} >= {"amazon", "ebay", "walmart", "temu", "tiktok_shop", "paypal"}
    assert sum(case["sender"] == "forged" for case in listed) == 2
    assert any(case["status"] == "won" for case in listed)


def test_the_demo_serves_the_board_until_it_is_interrupted(tmp_path, models):
    (tmp_path / "config.toml").unlink(missing_ok=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRIAGE_")}
    running = subprocess.Popen(
        [sys.executable, "-m", "triage", "demo", "--stay"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**clean, "HOME": str(tmp_path), "COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    shown = ""
    try:
        for line in running.stdout:
            shown += line
            if line.startswith("Running until Ctrl-C"):
                break
        address = re.search(r"http://127\.0\.0\.1:\d+/", shown)[0]
        name, password = re.search(r"name (\S+), password (\S+)", shown).groups()
        web = requests.Session()
        key = re.search(r'name="key" value="([^"]*)"', web.get(address + "sign-in", timeout=20).text)[1]
        board = web.post(address + "sign-in", data={"key": key, "name": name, "password": password}, timeout=60)
        assert (board.status_code, board.url) == (200, address)
        assert board.text.count('id="case-') > 5
        case = re.search(r'href="(/cases/\d+)"', board.text)[1]
        assert web.get(address.rstrip("/") + case, timeout=20).status_code == 200
    finally:
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert "Traceback" not in errors


# ---- alerts ---------------------------------------------------------------------------------------------------


def test_alerts_are_listed_retried_and_dropped(with_case):
    (alert,) = json.loads(triage(with_case, "alerts", "--json").stdout)
    assert (alert["kind"], alert["target"], alert["state"], alert["case"]) == ("case_opened", "file", "waiting", 1)
    assert "case_opened" in triage(with_case, "alerts").stdout.decode()
    assert triage(with_case, "alerts", "drop", "1").returncode == 0
    assert triage(with_case, "alerts").stdout.decode().strip() == "Nothing waits."
    (dropped,) = json.loads(triage(with_case, "alerts", "--state", "all", "--json").stdout)
    assert dropped["last_error"].startswith("dropped by ")
    assert triage(with_case, "alerts", "retry", "1").returncode == 0
    assert json.loads(triage(with_case, "alerts", "--json").stdout)[0]["state"] == "waiting"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["retry", "99"], "there is no alert 99; see: triage alerts --state all"),
        (["drop", "99"], "there is no alert 99; see: triage alerts --state all"),
        (["preview", "99", "--target", "file"], "there is no case 99; see: triage cases --all"),
        (["preview", "1", "--target", "fiel"], '--target: no target is called "fiel"; known are file'),
    ],
)
def test_what_cannot_be_done_to_an_alert_is_one_line(with_case, arguments, says):
    done = triage(with_case, "alerts", *arguments)
    assert done.returncode == 2
    assert done.stderr.decode().strip() == f"triage: {says}"


def test_one_wrong_number_of_several_changes_nothing(with_case):
    assert triage(with_case, "alerts", "drop", "1", "99").returncode == 2
    assert json.loads(triage(with_case, "alerts", "--json").stdout)[0]["state"] == "waiting"


def test_a_preview_shows_the_alert_in_the_targets_form(with_case):
    shown = triage(with_case, "alerts", "preview", "1", "--target", "file").stdout.decode()
    assert "[New] Amazon shop: account suspended - Authenticity" in shown
    assert "Answer by: 2026-11-26 12:00 UTC" in shown


def test_a_case_shows_what_will_be_sent_when_and_to_whom(with_case):
    document = json.loads(triage(with_case, "case", "1", "--json").stdout)
    assert [(line["kind"], line["to"]) for line in document["alerts_to_come"]][:1] == [("case_opened", ["file"])]
    assert "Alerts to come, if nobody acts" in triage(with_case, "case", "1").stdout.decode()


def test_check_finds_routes_that_are_never_reached_and_addresses_nobody_knows(home):
    config = home / "config.toml"
    config.write_text(
        config.read_text()
        + '[[targets]]\nname = "typo"\ntype = "apprise"\nurl = "telegramm://x"\n'
        + '[[routes]]\nname = "all"\nplatforms = ["amazon"]\nto = ["file"]\n'
        + '[[routes]]\nname = "some"\nstages = ["suspended"]\nto = ["typo"]\n'
        + '[[routes]]\nname = "never"\nplatforms = ["amazon"]\ncauses = ["kyc"]\nto = ["file"]\n'
    )
    done = triage(home, "check", "--json", SHOP_PASSWORD="x")
    found = {each["what"]: each for each in json.loads(done.stdout)}
    assert done.returncode == 1
    assert found["route never"]["well"] is False
    assert 'never reached: whatever fits it fits "all" before it' in found["route never"]["says"]
    assert (found["route some"]["well"], found["route some"]["doubtful"]) == (True, True)
    assert found["target typo"]["well"] is False
    assert "telegramm" not in done.stdout.decode()


# ---- status ---------------------------------------------------------------------------------------------------


def test_status_tells_what_was_read_and_what_waits(with_case):
    done = triage(with_case, "status", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1  # nothing was read for a day: the service does not run
    assert told["well"] is False
    assert [(box["account"], box["well"]) for box in told["mailboxes"]] == [("shop", False)]
    assert [(way["name"], way["waiting"]) for way in told["targets"]] == [("file", 1)]
    assert told["model"]
    shown = triage(with_case, "status").stdout.decode()
    assert "last read never" in shown
    assert "1 waiting, last took one never" in shown
