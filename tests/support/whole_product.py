"""One whole product with its real models for all tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.product import Product


@pytest.fixture(scope="session")
def whole_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Its eight processes and its models take longer to start than most questions take.

    tests/conftest.py names the files that use it. A test that stops it, or wants it empty, starts one of its own.
    """
    with Product(tmp_path_factory.mktemp("whole-product") / "data") as product:
        yield product
        product.stop()
