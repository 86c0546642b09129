"""Words that made values are put together from: invented people, places and things that stand for no one real."""

from collections.abc import Mapping, Sequence


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    """
    Amara Bruno Chidi Dana Elif Farid Greta Hana Ivo Jonas Kemal Lena Mateo Nadia Oskar Priya Quinn Rosa Samir
    Tove Uma Viktor Wanda Ximena Yusuf Zoe
    """
)
LAST_NAMES = _words(
    """
    Adeyemi Berg Castillo Dumont Eriksen Fischer Garcia Haddad Ito Jansen Kowalski Lindqvist Moreau Nakamura
    Okafor Petrov Quist Rossi Sharma Tanaka Ueda Vargas Weber Xu Yilmaz Zeman
    """
)
COMPANIES = (
    "Alder & Finch", "Brightwater Labs", "Cobalt Freight", "Dunmore Energy", "Eastgate Foods", "Fernhill Media",
    "Granite Works", "Harbor Lane", "Ironbridge Health", "Juniper Retail", "Kestrel Analytics", "Lakeshore Travel",
    "Meridian Textiles", "Northfield Robotics", "Oakline Insurance", "Pinecrest Books",
)  # fmt: skip
CITIES = (
    "Lisbon", "Osaka", "Toronto", "Nairobi", "Krakow", "Lyon", "Austin", "Leeds", "Bergen", "Valencia", "Graz",
    "Montevideo", "Tallinn", "Ghent", "Adelaide", "Porto", "Denver", "Leipzig", "Aarhus", "Bologna",
)  # fmt: skip
STREETS = ("Mill Lane", "Station Road", "Harbor Street", "Linden Avenue", "Quay Street", "Orchard Way", "Church Hill")
ADJECTIVES = _words(
    """
    amber autumn bright calm central daily early eastern first global green harbor inner junior large local main
    monthly new northern open prime public quarterly quick quiet regional shared silver small spring steady
    summer upper urban weekly western winter
    """
)
NOUNS = _words(
    """
    archive atlas batch beacon bridge bulletin campaign catalog channel cluster compass dashboard delivery
    digest draft engine forecast garden gateway harbor index inventory journal ledger library market meadow
    monitor orchard outlet pipeline planner portal project queue report review river roster sample schedule
    signal sprint store studio summit survey target tracker vault window workshop
    """
)
SENTENCES = (
    "Prepared for the weekly review.", "Please handle before Friday.", "Created during the spring migration.",
    "Replaces the earlier version.", "Requested by the support team.", "Used by the reporting dashboard.",
    "Covers the northern region.", "Needs a second look next month.", "Shared with the whole team.",
    "Follow-up to last week's meeting.", "Applies to all new customers.", "Kept for the yearly audit.",
    "The customer asked for a call back.", "Delivery was moved to the afternoon.", "Approved by the regional office.",
    "Part of the summer programme.",
)  # fmt: skip
TITLES = (
    "Quarterly planning notes", "Onboarding checklist", "Release summary", "Customer feedback round",
    "Inventory recount", "Travel arrangements", "Budget proposal", "Maintenance window", "Welcome guide",
    "Incident follow-up", "Market overview", "Training schedule", "Supplier contract", "Roadmap draft",
)  # fmt: skip
QUERIES = (
    "annual report", "running shoes", "open invoices", "solar panels", "coffee beans", "machine learning",
    "city museums", "weekly summary", "garden tools", "jazz", "hiking trails", "office chairs",
)  # fmt: skip
COUNTRY_CODES = ("DE", "FR", "JP", "CA", "BR", "KE", "NO", "ES", "AU", "NL", "PL", "IT")
COUNTRIES = ("Germany", "France", "Japan", "Canada", "Brazil", "Kenya", "Norway", "Spain", "Australia", "Netherlands")
STATES = ("Bavaria", "Ontario", "Texas", "Queensland", "Oregon", "Tuscany", "Andalusia", "Vermont")
DOMAINS = ("example.com", "example.org", "example.net", "shop.example.com", "mail.example.org", "app.example.net")
REGIONS = ("us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2", "us-west-2", "sa-east-1")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Africa/Nairobi", "Australia/Sydney", "UTC")
LANGUAGES = ("en", "de", "fr", "es", "ja", "pt", "nl", "it")
LOCALES = ("en-US", "de-DE", "fr-FR", "es-ES", "ja-JP", "pt-BR", "nl-NL")
CURRENCIES = ("EUR", "USD", "JPY", "GBP", "CAD", "CHF", "AUD")
FILES = ("report.pdf", "invoice.csv", "summary.docx", "photo.jpg", "notes.txt", "data.json", "slides.pptx")

CHOICES: Mapping[str, Sequence[str]] = {
    "status": ("active", "pending", "completed", "open", "closed", "draft", "approved", "archived"),
    "state": ("active", "pending", "running", "enabled", "ready", "succeeded"),
    "type": ("standard", "basic", "custom", "default", "internal", "external", "primary"),
    "kind": ("standard", "custom", "shared", "system"),
    "mode": ("standard", "manual", "automatic", "strict"),
    "role": ("admin", "editor", "viewer", "member", "owner"),
    "priority": ("low", "medium", "high", "urgent"),
    "severity": ("low", "medium", "high", "critical"),
    "level": ("basic", "standard", "advanced", "premium"),
    "category": ("electronics", "books", "travel", "health", "finance", "sports", "music"),
    "genre": ("jazz", "drama", "thriller", "documentary", "folk"),
    "gender": ("female", "male", "other"),
    "color": ("blue", "green", "orange", "purple", "red", "teal"),
    "size": ("small", "medium", "large"),
    "unit": ("kg", "km", "hours", "pieces", "litres"),
    "units": ("metric", "imperial"),
    "sort": ("name", "created_at", "updated_at", "id"),
    "order": ("asc", "desc"),
    "direction": ("asc", "desc"),
    "expand": ("details", "owner", "items"),
    "fields": ("id,name", "id,name,status", "name,created_at"),
    "format": ("json", "csv", "pdf", "xml"),
    "currency": CURRENCIES,
    "country": COUNTRIES,
    "countrycode": COUNTRY_CODES,
    "language": LANGUAGES,
    "lang": LANGUAGES,
    "locale": LOCALES,
    "timezone": ZONES,
    "region": REGIONS,
    "province": STATES,
    "city": CITIES,
    "town": CITIES,
    "location": CITIES,
    "origin": CITIES,
    "destination": CITIES,
    "firstname": FIRST_NAMES,
    "givenname": FIRST_NAMES,
    "lastname": LAST_NAMES,
    "surname": LAST_NAMES,
    "familyname": LAST_NAMES,
    "company": COMPANIES,
    "organization": COMPANIES,
    "vendor": COMPANIES,
    "title": TITLES,
    "subject": TITLES,
    "headline": TITLES,
    "description": SENTENCES,
    "message": SENTENCES,
    "comment": SENTENCES,
    "comments": SENTENCES,
    "note": SENTENCES,
    "notes": SENTENCES,
    "summary": SENTENCES,
    "text": SENTENCES,
    "body": SENTENCES,
    "content": SENTENCES,
    "reason": SENTENCES,
    "details": SENTENCES,
    "query": QUERIES,
    "search": QUERIES,
    "keyword": QUERIES,
    "keywords": QUERIES,
    "q": QUERIES,
    "domain": DOMAINS,
    "hostname": DOMAINS,
    "host": DOMAINS,
    "filename": FILES,
    "file": FILES,
    "department": ("Sales", "Engineering", "Support", "Finance", "Logistics"),
    "job": ("nightly-export", "weekly-sync", "daily-backup"),
    "team": ("platform", "support", "payments", "growth", "design"),
    "environment": ("production", "staging", "development"),
    "stage": ("production", "staging", "development"),
    "branch": ("main", "develop", "release-2.4"),
    "tag": ("urgent", "billing", "internal", "beta", "seasonal"),
    "label": ("urgent", "billing", "internal", "beta", "seasonal"),
    "scope": ("read", "write", "profile", "orders"),
    "permission": ("read", "write", "manage"),
    "symbol": ("ACME", "NRTH", "GLBX", "SOLR"),
    "ticker": ("ACME", "NRTH", "GLBX", "SOLR"),
    "mimetype": ("application/json", "image/png", "text/plain", "application/pdf"),
    "contenttype": ("application/json", "image/png", "text/plain", "application/pdf"),
    "accept": ("application/json",),
    "platform": ("web", "ios", "android"),
    "model": ("standard-2", "compact-1", "pro-4"),
    "brand": ("Northwind", "Solaris", "Kestrel", "Fernhill"),
    "product": ("desk lamp", "travel mug", "rain jacket", "notebook", "headphones"),
    "day": ("Monday", "Wednesday", "Friday", "Saturday"),
    "season": ("2024", "2025", "2026"),
    "owner": ("lena-weber", "jonas-berg", "priya-sharma", "mateo-rossi"),
    "repo": ("harbor-portal", "atlas-index", "meadow-api"),
    "arn": ("arn:aws:s3:::example-bucket",),
    "httpmethod": ("GET", "POST"),
}
"""Values by the last word of a name, or its last two put together."""
