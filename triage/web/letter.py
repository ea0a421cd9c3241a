"""The letter that answers a case: an editor with its preview, what is still wrong with it, and the Word file."""

from __future__ import annotations

from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from triage import answering
from triage.advice import paper
from triage.advice.drafts import Letter, languages, letter_language
from triage.answering import Kept
from triage.errors import UsageError
from triage.people.users import Role
from triage.types import Case
from triage.web import saying
from triage.web.case import known_case
from triage.web.visit import Pages, Visit

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def routes(pages: Pages) -> list[Route]:
    """GET /cases/ID/draft: the editor. POST: keep it, or only show its preview. GET /cases/ID/draft.docx: the file."""
    return [
        pages.get("/cases/{id}/draft", editor),
        pages.post("/cases/{id}/draft", keep),
        pages.get("/cases/{id}/draft.docx", as_word),
    ]


def editor(visit: Visit) -> Response:
    """The letter as it was left, or made from the case."""
    case = known_case(visit)
    letter, language = _chosen(visit, case, visit.request.query_params)
    last = answering.kept(visit.db, case.id, letter)
    if last is not None and not visit.request.query_params.get("fresh"):
        return _page(visit, case, letter, last.language, last.text, kept=last)
    return _page(visit, case, letter, language, _drafted(visit, case, letter, language), kept=last)


def keep(visit: Visit) -> Response:
    """Keep it; if somebody else did meanwhile, both texts are shown and nothing is lost."""
    case = known_case(visit)
    letter, language = _chosen(visit, case, visit.form)
    text = visit.form.get("text", "").replace("\r\n", "\n")
    if len(text) > answering.LONGEST:
        raise UsageError(visit.say["too_large"].format(size=f"{answering.LONGEST:,}"))
    kept = answering.kept(visit.db, case.id, letter)
    if visit.form.get("preview"):
        return _page(visit, case, letter, language, text, kept=kept, base=visit.form.get("base", ""))
    if kept and str(kept.event) != visit.form.get("base", "") and kept.by != visit.by and kept.text != text:
        return _page(visit, case, letter, language, text, kept=kept, theirs=kept, status=409)
    if kept is None or kept.text != text:
        answering.keep(visit.db, case.id, letter, language, text, by=visit.by, now=visit.now)
    return visit.go(f"/cases/{case.id}/draft", letter=letter.value)


def as_word(visit: Visit) -> Response:
    """The kept letter, or the one made from the case, as a Word document."""
    case = known_case(visit)
    letter, language = _chosen(visit, case, visit.request.query_params)
    kept = answering.kept(visit.db, case.id, letter)
    text = kept.text if kept else _drafted(visit, case, letter, language)
    headers = {"Content-Disposition": f'attachment; filename="case-{case.id}-{letter.value}.docx"'}
    return Response(paper.as_docx(text), headers=headers, media_type=_WORD)


def _drafted(visit: Visit, case: Case, letter: Letter, language: str) -> str:
    return answering.drafted(
        visit.db, case, letter, visit.settings, language=language, reader=visit.language, now=visit.now
    )


def _chosen(visit: Visit, case: Case, given: Any) -> tuple[Letter, str]:
    letters = answering.letters(case, visit.settings)
    name = given.get("letter", "") or letters[0].value
    if name not in {letter.value for letter in letters}:
        raise UsageError(visit.say["wrong_input"])
    language = given.get("language", "") or letter_language(case)
    if language not in languages():
        raise UsageError(visit.say["wrong_input"])
    return Letter(name), language


def _page(
    visit: Visit,
    case: Case,
    letter: Letter,
    language: str,
    text: str,
    *,
    kept: Kept | None,
    base: str = "",
    theirs: Kept | None = None,
    status: int = 200,
) -> Response:
    zone = visit.settings.zone_for(case.account)
    found = answering.problems(visit.db, case, text, letter, language=language, reader=visit.language)
    return visit.page(
        "letter.html",
        status,
        case=case,
        letter=letter.value,
        letters=[each.value for each in answering.letters(case, visit.settings)],
        letter_language=language,
        languages=languages(),
        text=text,
        # HTML in the letter is shown as text, and so is what links it names (markdown-it's "js-default" would not do that).
        preview=Markup(MarkdownIt("commonmark", {"html": False}).disable(["image", "link", "autolink"]).render(text)),  # noqa: S704
        problems=found,
        base=base or (kept.event if kept else ""),
        kept=kept,
        kept_at=saying.moment(kept.at, zone, visit.language) if kept else "",
        theirs=theirs,
        acts=visit.may(Role.ACT),
    )
