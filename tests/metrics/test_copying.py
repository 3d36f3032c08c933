import pytest
import scipy.stats
import torch

from rivals.core.errors import UserError
from rivals.metrics import copying, nearest


def rows(n: int, seed: int, d: int = 4) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_planted_copier_is_flagged():
    train, test = rows(400, 0), rows(300, 1)
    found = copying(train, test, train[:250] + 1e-3 * rows(250, 2))
    assert found.share == 1.0
    assert found.z < -15
    assert found.fake_distance < 0.01 < found.test_distance
    assert found.exact == 0
    assert copying(train, test, train).exact == 400


def test_a_generator_that_copies_one_sample_in_ten_shows_in_the_share():
    train, test = rows(400, 0), rows(999, 1)
    found = copying(train, test, torch.cat([train[:50] + 1e-4, rows(450, 2)]))
    assert found.expected == pytest.approx(0.01)
    assert 0.1 <= found.share < 0.14


def test_fresh_data_are_not_flagged():
    found = [copying(rows(300, 3 * i), rows(199, 3 * i + 1), rows(250, 3 * i + 2), quantile=0.1) for i in range(40)]
    share = torch.tensor([each.share for each in found])
    assert {each.expected for each in found} == {0.1}
    assert float(share.mean()) == pytest.approx(0.1, abs=3.5 * float(share.std()) / 40**0.5)
    z = torch.tensor([each.z for each in found])
    assert abs(float(z.mean())) < 0.6
    assert 0.7 < float(z.std()) < 1.4
    assert float(z.min()) > -4


def test_underfitting_is_positive():
    assert copying(rows(300, 0), rows(200, 1), 3 * rows(200, 2)).z > 5


def test_z_is_the_statistic_of_scipy_with_its_correction_for_ties():
    train = rows(50, 0, 2).round()
    test, fake = rows(80, 1, 2).round(), (1.5 * rows(60, 2, 2)).round()
    x, y = nearest(fake, train).distance.numpy(), nearest(test, train).distance.numpy()
    p = scipy.stats.mannwhitneyu(x, y, alternative="less", use_continuity=False, method="asymptotic").pvalue
    found = copying(train, test, fake)
    assert scipy.stats.norm.cdf(found.z) == pytest.approx(p, rel=1e-9)
    assert found.exact == int((x == 0).sum()) > 0
    assert found.share == (x == 0).mean()
    assert found.exact_test == int((y == 0).sum()) > 0
    assert found.expected == pytest.approx((y == 0).sum() / 81)


def test_few_test_rows_say_so_in_the_expected_share():
    assert copying(rows(50, 0), rows(20, 1), rows(30, 2)).expected == pytest.approx(1 / 21)


def test_nothing_but_ties_has_no_sign():
    assert copying(torch.zeros(4, 2), torch.ones(3, 2), torch.ones(5, 2)).z == 0.0


@pytest.mark.usefixtures("unchecked")
def test_names_the_mistake():
    with pytest.raises(UserError, match=r"^test has 5 features a row and train has 4"):
        copying(rows(9, 0), rows(9, 0, 5), rows(9, 0))
    with pytest.raises(UserError, match=r"^fake has 0 rows"):
        copying(rows(9, 0), rows(9, 0), rows(0, 0))
    with pytest.raises(UserError, match=r"^quantile is 1; choose a share between 0 and 1"):
        copying(rows(9, 0), rows(9, 0), rows(9, 0), quantile=1)
