"""Second factors on MariaDB, which leaves out the constraint that keeps to one app a person."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.installation import Installation
from tests.portal.test_second_factor import APP, code_of
from tests.visitor import Visitor

pytestmark = pytest.mark.services
AT_ONCE = 6


def test_the_configuration_is_clean(on_servers: Installation) -> None:
    assert "no issues" in on_servers.manage("check", "--database", "default").stdout


def test_of_many_apps_set_up_at_once_one_is_kept(on_servers: Installation) -> None:
    first = on_servers.visitor().sign_up("factors@example.org")
    browsers = [first]
    while len(browsers) < AT_ONCE:
        browser = on_servers.visitor()
        browser.email = first.email
        browser.sign_in()
        browsers.append(browser)
    secrets = [re.findall(r'totp-secret">([A-Z2-7]+)<', one.get(APP).text)[0] for one in browsers]

    def set_up(pair: tuple[Visitor, str]) -> int:
        browser, secret = pair
        return browser.post(APP, {"code": code_of(secret)}, follow=False).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(set_up, zip(browsers, secrets, strict=True)))
    kept = on_servers.rows(
        "SELECT a.type FROM mfa_authenticator a JOIN portal_user u ON u.id = a.user_id"
        " WHERE u.email = %s ORDER BY a.type",
        first.email,
    )
    assert kept == [("recovery_codes",), ("totp",)]
    assert set(answers) == {302}
