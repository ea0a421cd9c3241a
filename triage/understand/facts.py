"""What a mail names, put together: one pass for the words beside things, then each kind of thing at its words."""

from __future__ import annotations

from triage.types import Facts, Mail
from triage.understand.asked import answer_to, documents, final, policies
from triage.understand.cues import Cued, cued
from triage.understand.figures import metrics, money, points
from triage.understand.identifiers import identifiers
from triage.understand.naming import marketplaces, rights_owner


def facts(mail: Mail, named: Cued) -> Facts:
    """Everything a mail names in its subject, its new text and the history it quotes.

    named: the cues of about(mail). Numbers in the history tie a reply to its case; what is asked, owed and measured is
    read from all of it too, the new text first.
    """
    return Facts(
        marketplaces=marketplaces(mail, named),
        ids=identifiers(named),
        rights_owner=rights_owner(named),
        metrics=metrics(named),
        money=money(named),
        points=points(named),
        policies=policies(named),
        answer_to=answer_to(mail, named),
        documents=documents(named),
        final=final(named),
    )


def about(mail: Mail) -> Cued:
    """Subject, new text and history of a mail with the cues in them."""
    return cued("\n".join(filter(None, (mail.subject, mail.text, mail.history))))
