"""Versions of the model on disk. A file is unpickled only after its digest and its signed manifest were checked."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import shutil
import tempfile
import warnings
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import joblib

from triage import installation
from triage.errors import ModelError, OutdatedModelError
from triage.labels import Cause, Stage
from triage.learn import journal
from triage.understand.classifier import Model, Thresholds
from triage.understand.features import fingerprint

_CURRENT = "current"
_HELD_OUT = "held_out.json"
_LIBRARIES = ("scikit-learn", "numpy", "scipy", "joblib", "triage")
_TRAIN = "run: triage train"
_NAME = re.compile(r"[A-Za-z0-9][\w.\-]{0,79}", re.ASCII)
#: Changes with the classes that are pickled.
_FORMAT = 5


@dataclass(frozen=True, slots=True)
class Saved:
    """A version as its manifest describes it."""

    version: str
    created_at: datetime
    metrics: dict[str, Any]
    data: dict[str, Any]
    current: bool
    parameters: dict[str, Any]
    libraries: dict[str, str]


def new_version(now: datetime) -> str:
    """A name that sorts by time."""
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def save(
    folder: Path,
    model: Model,
    *,
    metrics: dict[str, Any],
    data: dict[str, Any],
    now: datetime,
    parameters: dict[str, Any] | None = None,
    held_out: dict[str, Any] | None = None,
) -> None:
    """Write a version completely or not at all. It is not in use before promote().

    data: what it was trained from: rows, corrections, digest.
    held_out: what was said of rows by models that had not seen their families (see comparison.said_of).
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".building-*"):  # of a training that was killed; there are no two at once
            shutil.rmtree(left, ignore_errors=True)
        building = Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror}; free space or check the rights") from error
    try:
        parts = {"features": model.features, "warning": model.warning, "cause": model.cause, "stage": model.stage}
        joblib.dump(parts, building / "model.joblib", compress=("zlib", 1))
        (building / _HELD_OUT).write_text(json.dumps(held_out or {}), encoding="utf-8")
        content = {
            "version": model.version,
            "created_at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "sha256": _digest(building / "model.joblib"),
            "held_out_sha256": _digest(building / _HELD_OUT),
            "parameters": parameters or {},
            "libraries": {name: installed(name) for name in _LIBRARIES},
            "labels": {"causes": sorted(Cause), "stages": sorted(Stage)},
            "format": _FORMAT,
            "features": fingerprint(),
            "thresholds": asdict(model.thresholds),
            "data": data,
            "metrics": metrics,
        }
        signed = {**content, "signature": _signature(content, _key(folder, create=True))}
        (building / "manifest.json").write_text(json.dumps(signed, indent=1, ensure_ascii=False), encoding="utf-8")
        building.chmod(0o755)
        building.rename(folder / model.version)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror}; the model in use stays") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def promote(folder: Path, version: str, *, by: str, why: str, now: datetime, forced: bool = False) -> None:
    """Put a saved version into use, in one step that either happened or did not; the journal says who did it and why.

    Raises:
        ModelError: there is no such version of this installation, or nothing can be written.
    """
    _manifest(folder, _place(folder, version))
    try:
        before = current(folder) or ""
    except ModelError:  # a damaged file is put right by this
        before = ""
    journal.add(folder, journal.Entry(version=version, before=before, at=now, by=by, why=why, forced=forced))
    new = folder / f".{_CURRENT}-{secrets.token_hex(4)}"
    try:
        new.write_text(version + "\n", encoding="utf-8")
        new.replace(folder / _CURRENT)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ModelError(f"{folder / _CURRENT}: cannot be written: {error.strerror}; the model in use stays") from error


def current(folder: Path) -> str | None:
    """The version in use, or None if none was ever trained.

    Raises:
        ModelError: the file that names it is damaged.
    """
    try:
        name = (folder / _CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder / _CURRENT}: cannot be read; {_TRAIN}") from error
    if not _NAME.fullmatch(name):
        raise ModelError(f"{folder / _CURRENT}: does not name a version; {_TRAIN}")
    return name


def held_out(folder: Path, version: str) -> dict[str, tuple[bool, str, float]]:
    """What was said of rows that a version had not seen, by the row's key; nothing if it was made before this was kept.

    Raises:
        ModelError: there is no such version, or its file was changed.
    """
    place = _place(folder, version)
    manifest = _manifest(folder, place)
    if "held_out_sha256" not in manifest:
        return {}
    try:
        if not hmac.compare_digest(_digest(place / _HELD_OUT), str(manifest["held_out_sha256"])):
            raise ModelError(f"{place / _HELD_OUT}: was changed since it was written; {_TRAIN}")
        content = json.loads((place / _HELD_OUT).read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{place / _HELD_OUT}: cannot be read: {error.strerror}; {_TRAIN}") from error
    return {name: (bool(warning), str(cause), float(sure)) for name, (warning, cause, sure) in content.items()}


def delete(folder: Path, version: str) -> None:
    """Delete a version for good.

    Raises:
        ModelError: there is none, or it is in use.
    """
    place = _place(folder, version)
    if version == current(folder):
        raise ModelError(f"{version} is in use; put another one into use first: triage models promote VERSION")
    if not place.is_dir():
        raise ModelError(f"{folder}: there is no version {version}; see: triage models")
    shutil.rmtree(place, ignore_errors=True)


def previous(folder: Path) -> str:
    """The version that was in use before the current one, and still is there.

    Raises:
        ModelError: there is none.
    """
    there = {saved.version for saved in versions(folder) if not saved.current}
    name, seen = current(folder) or "", set[str]()
    while name and name not in seen:
        seen.add(name)
        name = journal.before(folder, name)
        if name in there:
            return name
    raise ModelError(f"{folder}: no version before the one in use is known; see: triage models")


def load(folder: Path, version: str | None = None) -> Model:
    """A version ready for use; the current one if none is named.

    Raises:
        ModelError: there is none, a file was changed, or the manifest is of another installation.
        OutdatedModelError: it was made with other library versions, labels or terms. Nothing was unpickled in either case.
    """
    name = version or current(folder)
    if name is None:
        raise ModelError(f"{folder}: there is no model yet; {_TRAIN}")
    place = _place(folder, name)
    manifest = _manifest(folder, place)
    file = place / "model.joblib"
    if file.is_symlink() or place.is_symlink():
        raise ModelError(f"{file}: is a link; a model must lie in its own folder; {_TRAIN}")
    try:
        digest = _digest(file)
    except OSError as error:
        raise ModelError(f"{file}: cannot be read: {error.strerror}; {_TRAIN}") from error
    if not hmac.compare_digest(digest, str(manifest.get("sha256"))):
        raise ModelError(f"{file}: was changed since it was trained and is not loaded; {_TRAIN}")
    for library in ("scikit-learn", "numpy", "triage"):
        if manifest["libraries"].get(library) != installed(library):
            was = manifest["libraries"].get(library)
            raise OutdatedModelError(f"{place}: made with {library} {was}, installed is {installed(library)}; {_TRAIN}")
    if manifest["labels"] != {"causes": sorted(Cause), "stages": sorted(Stage)}:
        raise OutdatedModelError(f"{place}: was trained on other labels; {_TRAIN}")
    if (manifest.get("format"), manifest.get("features")) != (_FORMAT, fingerprint()):
        raise OutdatedModelError(f"{place}: was trained with another lexicon or by another version of Triage; {_TRAIN}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parts = joblib.load(file)
    except Exception as error:
        raise ModelError(f"{file}: cannot be loaded ({type(error).__name__}); {_TRAIN}") from error
    return Model(
        name, parts["features"], parts["warning"], parts["cause"], parts["stage"], Thresholds(**manifest["thresholds"])
    )


def versions(folder: Path) -> list[Saved]:
    """All versions whose manifest can be trusted, newest first."""
    found = []
    try:
        in_use = current(folder)
    except ModelError:  # a damaged registry still shows what is in it
        in_use = None
    for place in sorted(folder.glob("*/manifest.json"), reverse=True) if folder.is_dir() else []:
        try:
            manifest = _manifest(folder, place.parent)
        except ModelError:
            continue
        found.append(
            Saved(
                version=manifest["version"],
                created_at=datetime.fromisoformat(manifest["created_at"]),
                metrics=manifest["metrics"],
                data=manifest["data"],
                current=manifest["version"] == in_use,
                parameters=manifest.get("parameters", {}),
                libraries=manifest["libraries"],
            )
        )
    return found


def prune(folder: Path, keep: int = 5) -> None:
    """Delete old versions; never the one in use."""
    for saved in versions(folder)[keep:]:
        if not saved.current:
            shutil.rmtree(folder / saved.version, ignore_errors=True)


def _place(folder: Path, version: str) -> Path:
    """The folder of a version: a name of ours, never a way out of the registry."""
    if not _NAME.fullmatch(version):
        raise ModelError(f'"{version}" is no name of a version; see: triage models')
    return folder / version


def _manifest(folder: Path, place: Path) -> dict[str, Any]:
    try:
        content = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
        signature = str(content.pop("signature"))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{place}: has no readable manifest; {_TRAIN}") from error
    if not hmac.compare_digest(signature, _signature(content, _key(folder, create=False))):
        raise ModelError(f"{place}: its manifest was not made by this installation and is not trusted; {_TRAIN}")
    if content.get("version") != place.name:
        raise ModelError(f"{place}: holds the version {content.get('version')} and is not trusted; {_TRAIN}")
    return dict(content)


def _signature(content: dict[str, Any], key: bytes) -> str:
    return hmac.new(key, json.dumps(content, sort_keys=True, ensure_ascii=False).encode(), "sha256").hexdigest()


def _key(folder: Path, *, create: bool) -> bytes:
    try:
        return installation.key(folder, create=create)
    except OSError as error:
        raise ModelError(f"{error.filename}: cannot be read: {error.strerror}; {_TRAIN}") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
