"""RFC 9110, section 15: status codes."""

from http import HTTPStatus
from typing import Any

import pytest

from rejoinder._http.status import WITH_CONTENT, check_redirect_status, check_status


@pytest.mark.parametrize("status", [100, 199, 200, 299, 418, 599, HTTPStatus.OK, HTTPStatus.IM_A_TEAPOT], ids=str)
def test_a_status_code_passes(status: int) -> None:
    check_status(status)


@pytest.mark.parametrize("check", [check_status, check_redirect_status])
class TestWhatIsNoStatusCode:
    @pytest.mark.parametrize("status", [-200, -1, 0, 99, 600, 999, 2**70])
    def test_out_of_range(self, check: Any, status: int) -> None:
        with pytest.raises(ValueError, match=rf"^status_code must be in 100\.\.599 \(RFC 9110, 15\), got {status}$"):
            check(status)

    @pytest.mark.parametrize("status", [None, True, False, "200", 200.0, b"200", [200]], ids=repr)
    def test_of_another_type(self, check: Any, status: object) -> None:
        with pytest.raises(TypeError, match=r"^status_code must be an int, got .+; pass for example 200 or http\.HTTP"):
            check(status)


@pytest.mark.parametrize("status", sorted(set(range(300, 400)) - {304}))
def test_section_15_4_a_3xx_redirects(status: int) -> None:
    check_redirect_status(status)


@pytest.mark.parametrize("status", [100, 200, 201, 299, 304, 400, 404, 500, 599])
def test_section_15_4_no_other_does(status: int) -> None:
    with pytest.raises(ValueError, match=f"must be 3xx other than 304, got {status}; the default is 307"):
        check_redirect_status(status)


def test_section_6_4_1_all_but_1xx_204_205_and_304_have_content() -> None:
    without_content = {*range(100, 200), 204, 205, 304}
    assert set(range(100, 600)) - without_content == WITH_CONTENT
