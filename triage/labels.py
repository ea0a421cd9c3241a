"""The vocabulary, once: causes, stages, platforms, verdicts. Everything else reads it from here."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Why a platform acts. The first eight are the trade's own; ``none`` is no warning at all."""

    NOT_AS_DESCRIBED = "not_as_described"
    IP_INFRINGEMENT = "ip_infringement"
    LINKED_ACCOUNTS = "linked_accounts"
    CERTIFICATION = "certification"
    REVIEW_MANIPULATION = "review_manipulation"
    KYC = "kyc"
    PERFORMANCE = "performance"
    VAT_TAX = "vat_tax"
    PRODUCT_SAFETY = "product_safety"
    AUTHENTICITY = "authenticity"
    RESTRICTED_PRODUCT = "restricted_product"
    EPR = "epr"
    LISTING_POLICY = "listing_policy"
    SELLER_CONDUCT = "seller_conduct"
    ACCOUNT_SECURITY = "account_security"
    PAYMENTS = "payments"
    OTHER = "other"
    NONE = "none"


class Stage(StrEnum):
    """How far the matter has gone."""

    WARNING = "warning"
    INFORMATION_REQUEST = "information_request"
    LISTING_REMOVED = "listing_removed"
    RESTRICTED = "restricted"
    SUSPENDED = "suspended"
    APPEAL_MORE_INFO = "appeal_more_info"
    APPEAL_DENIED = "appeal_denied"
    REINSTATED = "reinstated"
    NONE = "none"


class Platform(StrEnum):
    """The marketplace or payment service that speaks."""

    AMAZON = "amazon"
    EBAY = "ebay"
    WALMART = "walmart"
    ETSY = "etsy"
    SHOPIFY = "shopify"
    PAYPAL = "paypal"
    ALIEXPRESS = "aliexpress"
    ALIBABA = "alibaba"
    SHOPEE = "shopee"
    LAZADA = "lazada"
    TIKTOK_SHOP = "tiktok_shop"
    TEMU = "temu"
    SHEIN = "shein"
    WISH = "wish"
    MERCADOLIBRE = "mercadolibre"
    RAKUTEN = "rakuten"
    CDISCOUNT = "cdiscount"
    OTTO = "otto"
    KAUFLAND = "kaufland"
    ALLEGRO = "allegro"
    OZON = "ozon"
    COUPANG = "coupang"
    NEWEGG = "newegg"
    WAYFAIR = "wayfair"
    OTHER = "other"
    NONE = "none"


class SenderVerdict(StrEnum):
    """Whether the platform itself sent the mail."""

    PROVEN = "proven"  # authenticated, and the domain is the platform's
    FORWARDED = "forwarded"  # through the user's own forwarder or colleague
    UNPROVEN = "unproven"  # nothing says it is, nothing says it is not
    FORGED = "forged"  # pretends to be a platform and is not


class Appealability(StrEnum):
    """Today's practice: what an answer can achieve."""

    APPEALABLE = "appealable"
    HARD = "hard"
    REMEDY = "remedy"
    NOT_APPEALABLE = "not_appealable"
    UNKNOWN = "unknown"


class Status(StrEnum):
    """Where a case stands for the people who work on it."""

    OPEN = "open"  # nobody has it yet, or something new has come
    ACKNOWLEDGED = "acknowledged"  # somebody has seen it and takes care
    PREPARING = "preparing"  # evidence and text are being made
    SUBMITTED = "submitted"  # the answer is with the platform
    WAITING = "waiting"  # for somebody else: a rights owner, a laboratory, a supplier
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"  # over without a winner
    DISMISSED = "dismissed"  # it was no warning


#: Nobody has to act on these any more.
ENDED = frozenset({Status.WON, Status.LOST, Status.CLOSED, Status.DISMISSED})

#: Steps that a mail itself asks for: a later mail that asks again takes their ticks away.
SEND_DOCUMENTS, ANSWER = "send_documents", "answer"

#: Severity from 1 (read it this week) to 5 (the business stands still), by stage.
SEVERITY: dict[Stage, int] = {
    Stage.NONE: 1,
    Stage.REINSTATED: 1,
    Stage.WARNING: 2,
    Stage.INFORMATION_REQUEST: 3,
    Stage.LISTING_REMOVED: 3,
    Stage.RESTRICTED: 4,
    Stage.APPEAL_MORE_INFO: 4,
    Stage.SUSPENDED: 5,
    Stage.APPEAL_DENIED: 5,
}

#: A forged mail is no case of the platform's, whatever it pretends: it is to be known, not to be answered.
PHISHING_SEVERITY = 1

#: The keys by which a person who reviews says what a mail really is; the other letters are commands.
CAUSE_KEYS = dict(zip("1234567890abcdefg", (cause for cause in Cause if cause is not Cause.NONE), strict=True))

CAUSE_NAMES: dict[str, dict[Cause, str]] = {
    "en": {
        Cause.NOT_AS_DESCRIBED: "Not as described",
        Cause.IP_INFRINGEMENT: "IP infringement",
        Cause.LINKED_ACCOUNTS: "Linked accounts",
        Cause.CERTIFICATION: "Certification",
        Cause.REVIEW_MANIPULATION: "Review manipulation",
        Cause.KYC: "Identity verification (KYC)",
        Cause.PERFORMANCE: "Performance (ODR and other metrics)",
        Cause.VAT_TAX: "VAT / tax",
        Cause.PRODUCT_SAFETY: "Product safety",
        Cause.AUTHENTICITY: "Authenticity",
        Cause.RESTRICTED_PRODUCT: "Restricted product",
        Cause.EPR: "EPR registration",
        Cause.LISTING_POLICY: "Listing policy",
        Cause.SELLER_CONDUCT: "Seller conduct",
        Cause.ACCOUNT_SECURITY: "Account security",
        Cause.PAYMENTS: "Payments",
        Cause.OTHER: "Unstated or other cause",
        Cause.NONE: "Not a warning",
    },
    "zh": {
        Cause.NOT_AS_DESCRIBED: "产品不符",
        Cause.IP_INFRINGEMENT: "侵权",
        Cause.LINKED_ACCOUNTS: "关联",
        Cause.CERTIFICATION: "认证",
        Cause.REVIEW_MANIPULATION: "刷单",
        Cause.KYC: "KYC 审核",
        Cause.PERFORMANCE: "ODR 绩效",
        Cause.VAT_TAX: "VAT 税务",
        Cause.PRODUCT_SAFETY: "产品安全",
        Cause.AUTHENTICITY: "真实性 / 假货",
        Cause.RESTRICTED_PRODUCT: "禁限售",
        Cause.EPR: "EPR",
        Cause.LISTING_POLICY: "商品信息违规",
        Cause.SELLER_CONDUCT: "行为准则",
        Cause.ACCOUNT_SECURITY: "账号安全",
        Cause.PAYMENTS: "资金",
        Cause.OTHER: "原因不明",
        Cause.NONE: "非警告",
    },
}

STAGE_NAMES: dict[str, dict[Stage, str]] = {
    "en": {
        Stage.WARNING: "warning",
        Stage.INFORMATION_REQUEST: "information requested",
        Stage.LISTING_REMOVED: "listing removed",
        Stage.RESTRICTED: "restricted",
        Stage.SUSPENDED: "account suspended",
        Stage.APPEAL_MORE_INFO: "appeal: more information wanted",
        Stage.APPEAL_DENIED: "appeal denied",
        Stage.REINSTATED: "reinstated",
        Stage.NONE: "no stage",
    },
    "zh": {
        Stage.WARNING: "警告",
        Stage.INFORMATION_REQUEST: "要求提供资料",
        Stage.LISTING_REMOVED: "商品下架",
        Stage.RESTRICTED: "权限受限",
        Stage.SUSPENDED: "账号停用",
        Stage.APPEAL_MORE_INFO: "申诉需补充资料",
        Stage.APPEAL_DENIED: "申诉被拒",
        Stage.REINSTATED: "已恢复",
        Stage.NONE: "无",
    },
}

STATUS_NAMES: dict[str, dict[Status, str]] = {
    "en": {status: status.value for status in Status},
    "zh": {
        Status.OPEN: "未处理",
        Status.ACKNOWLEDGED: "已接手",
        Status.PREPARING: "准备中",
        Status.SUBMITTED: "已提交",
        Status.WAITING: "等待中",
        Status.WON: "成功",
        Status.LOST: "失败",
        Status.CLOSED: "已关闭",
        Status.DISMISSED: "已排除",
    },
}

PLATFORM_NAMES: dict[Platform, str] = {
    Platform.AMAZON: "Amazon",
    Platform.EBAY: "eBay",
    Platform.WALMART: "Walmart",
    Platform.ETSY: "Etsy",
    Platform.SHOPIFY: "Shopify",
    Platform.PAYPAL: "PayPal",
    Platform.ALIEXPRESS: "AliExpress",
    Platform.ALIBABA: "Alibaba.com",
    Platform.SHOPEE: "Shopee",
    Platform.LAZADA: "Lazada",
    Platform.TIKTOK_SHOP: "TikTok Shop",
    Platform.TEMU: "Temu",
    Platform.SHEIN: "SHEIN",
    Platform.WISH: "Wish",
    Platform.MERCADOLIBRE: "Mercado Libre",
    Platform.RAKUTEN: "Rakuten",
    Platform.CDISCOUNT: "Cdiscount",
    Platform.OTTO: "OTTO",
    Platform.KAUFLAND: "Kaufland",
    Platform.ALLEGRO: "Allegro",
    Platform.OZON: "Ozon",
    Platform.COUPANG: "Coupang",
    Platform.NEWEGG: "Newegg",
    Platform.WAYFAIR: "Wayfair",
    Platform.OTHER: "other platform",
    Platform.NONE: "-",
}
