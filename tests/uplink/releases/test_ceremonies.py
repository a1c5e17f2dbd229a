"""Signing on many machines: a file that gathers signatures, and is taken when they are enough."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.factories import (
    NOON,
    make_artefact,
    make_organisation,
    make_satellite,
    make_version,
)
from uplink.releases import keyfiles, roots, signing
from uplink.releases.models import Release, Snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def holders(settings, tmp_path):
    """Two of three keys have to sign; each lies in a folder of its own, none here."""
    settings.RELEASE_KEYS = tmp_path / "here"
    settings.DIRECTOR_KEY_FILE = tmp_path / "director.key"
    folders = [tmp_path / name for name in ("one", "two", "three")]
    keys = [keyfiles.make(folder, 1)[0] for folder in folders]
    roots.begin(keys, 2, now=NOON)
    return folders


@pytest.fixture
def version():
    made = make_version(
        name="echo", artefact=make_artefact(b"a model"), organisation=make_organisation()
    )
    made.profiles.add(make_satellite().profile)
    make_organisation(operates_fleet=True)
    return made


def run(*words):
    out = io.StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()


def test_holders_sign_one_after_another_without_a_database(version, holders, tmp_path):
    file = tmp_path / "release.json"
    said = run("release_prepare", "echo", version.version, "--out", file)
    assert f"release 1 of echo echo:{version.version}" in said
    assert version.artefact_id in said
    assert not Release.objects.exists()
    with pytest.raises(CommandError, match="2 keys have to sign; of those that count, 0 did"):
        run("release_publish", file)
    with connection.execute_wrapper(_no_database):
        first = run("release_add_signature", file, "--keys", holders[0])
    assert "1 keys have signed all of it." in first
    with pytest.raises(CommandError, match="of those that count, 1 did"):
        run("release_publish", file)
    run("release_add_signature", file, "--keys", holders[0])  # again changes nothing
    run("release_add_signature", file, "--keys", holders[2])
    assert "release 1 of echo is for" in run("release_publish", file)
    row = Release.objects.get()
    assert (row.artefact, len(row.document["signatures"])) == (version.artefact, 2)
    snapshot = Snapshot.objects.get()
    assert list(snapshot.document["signed"]["meta"]) == ["1.json"]


def _no_database(*_):
    raise AssertionError("a key holder's machine has no database")


def signed(file, holders, *words):
    run("release_prepare", *words, "--out", file)
    for folder in holders[:2]:
        run("release_add_signature", file, "--keys", folder)


def test_a_withdrawal_goes_the_same_way(version, holders, tmp_path):
    file = tmp_path / "release.json"
    signed(file, holders, "echo", version.version)
    run("release_publish", file)
    signed(file, holders, "--withdraw", "1", "--reason", "it lies")
    assert "release 1 of echo is withdrawn: it lies" in run("release_publish", file)
    assert Release.objects.get().reason == "it lies"
    assert Snapshot.objects.order_by("version").last().document["signed"]["meta"] == {}
    with pytest.raises(CommandError, match="Release 1 was withdrawn already"):
        run("release_prepare", "--withdraw", "1", "--reason", "twice", "--out", file)


def test_what_was_overtaken_is_refused(version, holders, tmp_path):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    signed(first, holders, "echo", version.version)
    signed(second, holders, "echo", version.version)
    run("release_publish", second)
    with pytest.raises(CommandError, match="prepare it anew"):
        run("release_publish", first)
    assert Release.objects.count() == 1
    with pytest.raises(CommandError, match="prepare it anew"):
        run("release_publish", second)


@pytest.mark.parametrize("part", ["release", "snapshot"])
def test_a_changed_file_is_refused(version, holders, tmp_path, part):
    file = tmp_path / "release.json"
    signed(file, holders, "echo", version.version)
    fields = json.loads(file.read_text())
    fields[part]["signed"]["expires"] = "2099-01-01T00:00:00Z"
    file.write_text(json.dumps(fields))
    with pytest.raises(CommandError, match="2 keys have to sign"):
        run("release_publish", file)
    assert not Release.objects.exists()


def test_what_is_said_beside_the_documents_decides_nothing(version, holders, tmp_path):
    other = make_version(name="evil", artefact=make_artefact(b"evil"))
    file = tmp_path / "release.json"
    signed(file, holders, "echo", version.version)
    fields = json.loads(file.read_text())
    fields["about"] |= {"artefact": other.artefact_id, "model": "evil", "version": "1"}
    file.write_text(json.dumps(fields))
    with pytest.raises(CommandError, match="What was signed is not the artefact"):
        run("release_publish", file)
    assert not Release.objects.exists()
    assert not Snapshot.objects.exists()


def test_strangers_keys_do_not_count(version, holders, tmp_path):
    keyfiles.make(tmp_path / "stranger", 2)
    file = tmp_path / "release.json"
    run("release_prepare", "echo", version.version, "--out", file)
    run("release_add_signature", file, "--keys", tmp_path / "stranger")
    with pytest.raises(CommandError, match="of those that count, 0 did"):
        run("release_publish", file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is no ceremony"),
        ("[]", "its form is not"),
        ('{"form": "zenith-release-ceremony-1"}', "is no ceremony"),
        ('{"form": "zenith-release-ceremony-1", "about": {}, "release": 7, "snapshot": 7}', "no"),
    ],
)
def test_other_files_are_refused_by_what_is_wrong(tmp_path, holders, content, says):
    file = tmp_path / "x.json"
    file.write_text(content)
    for words in (["release_publish", file], ["release_add_signature", file, "--keys", holders[0]]):
        with pytest.raises(CommandError, match=says):
            run(*words)


def test_a_withdrawal_needs_a_reason_and_a_release_a_version(tmp_path):
    for words in (["--withdraw", "1"], ["echo"], ["echo", "1", "--withdraw", "1"], ["no", "1"]):
        with pytest.raises(CommandError):
            run("release_prepare", *words, "--out", tmp_path / "x.json")
    assert signing.next_counter() == 1
