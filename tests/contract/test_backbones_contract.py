"""Every registered backbone keeps the contract."""

import pytest

from mae_bench.backbones import BACKBONES
from mae_bench.contract.backbone import CHECKS, BackboneCase


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", BACKBONES.names())
def test_it_keeps_the_contract(name, check, tmp_path):
    CHECKS[check](BackboneCase(name, tmp_path))
