"""`make screenshot`: the picture of the README, taken of the local stack that runs in this checkout."""

import sys

from playwright.sync_api import sync_playwright

from local.settings import Paths, Remembered
from tests.conftest import REPO
from tests.e2e.browser import CHROMIUM, FLAGS, PATIENCE_MS, log_in

PICTURE = REPO / "docs" / "warehouse.png"
SECTION = "Marts"


def main() -> int:
    """Writes it; 2 where there is no browser, or no stack."""
    remembered = Remembered.load(Paths(REPO))
    if not CHROMIUM or not remembered.admin_password:
        print("needs Chromium (apt-get install chromium, or DW_TEST_CHROMIUM) and `make demo` before", file=sys.stderr)
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(
            base_url=remembered.airflow_address, locale="en-US", viewport={"width": 1280, "height": 860}
        )
        context.set_default_timeout(PATIENCE_MS)
        log_in(context, "admin", remembered.admin_password)
        page = context.new_page()
        page.goto("/")
        page.get_by_role("link", name="Warehouse").click()
        frame = page.frame_locator("iframe[title=Warehouse]")
        frame.get_by_role("link", name=SECTION, exact=True).click()
        frame.get_by_role("link", name=SECTION, exact=True).and_(frame.locator("[aria-current=page]")).wait_for()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURE)
        browser.close()
    print(PICTURE.relative_to(REPO))
    return 0


if __name__ == "__main__":
    sys.exit(main())
