"""A notice that a colleague passed on: who wrote it first, and what they wrote."""

from __future__ import annotations

import re
from dataclasses import replace

from triage.types import Address, Mail

_PREFIX = re.compile(
    r"^\s*(?:fwd?|wg|tr|rv|enc|i|转发|轉寄|转寄|转|fw：|転送|doorst|pd|vs|vl|ilet)\s*[:：]\s*", re.IGNORECASE
)
_MARK = re.compile(
    r"^[\s>*_-]*(?:forwarded message|original message|begin forwarded message|weitergeleitete nachricht|"
    r"ursprüngliche nachricht|message transféré|message d'origine|mensaje reenviado|mensaje original|"
    r"messaggio inoltrato|messaggio originale|mensagem encaminhada|转发的邮件|转发邮件|原始邮件|轉寄郵件|原始郵件|"
    r"転送メッセージ|転送されたメッセージ|元のメッセージ|doorgestuurd bericht|oorspronkelijk bericht|"
    r"wiadomość przekazana|vidarebefordrat meddelande)[\s:：*_-]*",
    re.IGNORECASE | re.MULTILINE,
)
_FIELDS = {
    "from": r"from|von|de|expéditeur|da|发件人|寄件者|寄件人|差出人|送信者|van|od|från|kimden",
    "subject": r"subject|betreff|objet|asunto|oggetto|assunto|主题|主旨|件名|onderwerp|temat|ämne|konu",
    "other": r"date|sent|to|cc|reply-to|datum|gesendet|an|envoyé|à|fecha|enviado|para|data|inviato|a|"
    r"发送时间|发送日期|日期|时间|收件人|抄送|日付|送信日時|宛先|寄件日期|收件者|verzonden|aan|wysłano|do|skickat|till|tarih|kime",
}
_FIELD = re.compile(
    r"^[>\s*]*(?:(?P<from>"
    + _FIELDS["from"]
    + r")|(?P<subject>"
    + _FIELDS["subject"]
    + r")|(?:"
    + _FIELDS["other"]
    + r"))\s*\*?\s*[:：]\s*\*?\s*(?P<value>.*?)\s*\*?$",
    re.IGNORECASE,
)
#: A forwarder's own words above the notice are a few lines; a header block further down is quoted history.
_SEARCHED_LINES = 60


def unwrapped(mail: Mail) -> Mail:
    """The original message of an inline forward, with forwarded_by set; any other mail unchanged."""
    mark = _MARK.search(mail.text[:6000])
    if not (_PREFIX.match(mail.subject) or mark):
        return mail
    lines = mail.text.split("\n")
    for start in range(min(len(lines), _SEARCHED_LINES)):
        fields, end = _header_block(lines, start)
        if "from" in fields and len(fields) >= 2:
            body = "\n".join(line.removeprefix("> ").removeprefix(">") for line in lines[end:]).strip()
            if not body:
                return mail
            return replace(
                mail,
                sender=parse_address(fields["from"]),
                subject=fields.get("subject") or _PREFIX.sub("", mail.subject),
                text=body,
                forwarded_by=mail.sender,
            )
    return replace(mail, subject=_PREFIX.sub("", mail.subject), forwarded_by=mail.sender) if mark else mail


def _header_block(lines: list[str], start: int) -> tuple[dict[str, str], int]:
    """The fields of a quoted header that begins at a line, and the first line behind it."""
    fields: dict[str, str] = {}
    at = start
    while at < len(lines) and at < start + 12:
        line = lines[at]
        match = _FIELD.match(line)
        if match:
            name = "from" if match["from"] else "subject" if match["subject"] else f"other{at}"
            fields.setdefault(name, match["value"])
        elif line.strip(" >*") or len(fields) >= 2 or not fields:
            break
        at += 1
    return fields, at


def parse_address(value: str) -> Address:
    """Display name and address of one mailbox, the last angle-addr being the address (RFC 5322, section 3.4).

    email.utils takes a comma in an already decoded display name for a second mailbox, which phishers use.
    """
    value = value.strip()
    match = re.search(r"<([^<>]*)>[^<>]*$", value) or re.search(r"\[mailto:([^\]]+)\]", value)
    if match:
        return Address(value[: match.start()].strip().strip('"').strip()[:200], match[1].strip().lower()[:320])
    bare = re.search(r"[^\s<>,;:\"()\[\]]+@[^\s<>,;:\"()\[\]]+", value)
    return (
        Address(value.replace(bare[0], "").strip(' "()')[:200], bare[0].lower()[:320])
        if bare
        else Address(value[:200], "")
    )
