"""Places and pages that the tests follow."""

from decimal import Decimal

from include.seeds import SeedLocation, SeedPage

BOSTON = SeedLocation(
    "Boston", Decimal("42.3601"), Decimal("-71.0589"), "US", "Massachusetts", "Boston", "America/New_York"
)
PHOENIX = SeedLocation(
    "Phoenix", Decimal("33.4484"), Decimal("-112.074"), "US", "Arizona", "Phoenix", "America/Phoenix"
)
KIRITIMATI = SeedLocation("Kiritimati", Decimal("1.87"), Decimal("-157.4"), "KI", None, None, "Pacific/Kiritimati")
NEW_ENGLAND = SeedPage("New England", "en")
BOSTON_PAGE = SeedPage("Boston", "en")
