"""What people hand in is counted by the day, and ends where the day's quota does."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from pytest_django import DjangoAssertNumQueries, Settings

from detection.models import UsageDay
from detection.services.quotas import Quota, QuotaExceeded, quota_of, quota_take, usage_of
from portal.environment import Environment
from portal.models import User

pytestmark = pytest.mark.django_db


def test_without_a_quota_it_only_counts(alice: User) -> None:
    quota_take(owner=alice, images=3, bytes=1000)
    quota_take(owner=alice, images=1, bytes=500)
    usage = usage_of(alice)
    assert (usage.today.images, usage.today.bytes) == (4, 1500)
    assert (usage.images_left, usage.bytes_left) == (None, None)


def test_counting_costs_one_query(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    quota_take(owner=alice, images=1, bytes=1)
    with django_assert_num_queries(1):
        quota_take(owner=alice, images=1, bytes=1)


def test_the_quota_holds_and_says_when_it_is_over(alice: User, settings: Settings) -> None:
    settings.QUOTA_IMAGES_PER_DAY = {"everybody": 3}
    quota_take(owner=alice, images=2, bytes=10)
    with pytest.raises(QuotaExceeded) as refused:
        quota_take(owner=alice, images=2, bytes=10)
    assert refused.value.code == "quota_exceeded"
    assert "may hand in 3 images a day and has handed in 2 images" in refused.value.sentence
    assert "A new day begins at 00:00 UTC" in refused.value.sentence
    assert 0 < refused.value.retry_after <= 24 * 3600
    quota_take(owner=alice, images=1, bytes=10)
    assert usage_of(alice).images_left == 0


def test_bytes_have_a_quota_of_their_own(alice: User, settings: Settings) -> None:
    settings.QUOTA_MEGABYTES_PER_DAY = {"everybody": 2}
    quota_take(owner=alice, images=1, bytes=1_900_000)
    with pytest.raises(QuotaExceeded, match=r"may hand in 2 MB a day .* 1\.9 MB"):
        quota_take(owner=alice, images=1, bytes=200_000)
    assert usage_of(alice).bytes_left == 100_000


def test_more_at_once_than_a_day_holds_is_refused(alice: User, settings: Settings) -> None:
    settings.QUOTA_IMAGES_PER_DAY = {"everybody": 3}
    with pytest.raises(QuotaExceeded):
        quota_take(owner=alice, images=4, bytes=0)
    assert usage_of(alice).today.images == 0


def test_yesterday_does_not_count(alice: User, settings: Settings) -> None:
    settings.QUOTA_IMAGES_PER_DAY = {"everybody": 1}
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    UsageDay.objects.create(owner=alice, day=yesterday, images=1, bytes=1)
    quota_take(owner=alice, images=1, bytes=7)
    assert [(day.day, day.images) for day in usage_of(alice).days][1] == (yesterday, 1)


def test_the_most_generous_quota_counts(alice: User, admin: User, settings: Settings) -> None:
    settings.QUOTA_IMAGES_PER_DAY = {"everybody": 5, "staff": None, "group:desk": 50}
    assert quota_of(alice) == Quota(5, None)
    alice.groups.add(Group.objects.create(name="desk"))
    assert quota_of(alice) == Quota(50, None)
    assert quota_of(admin) == Quota(None, None)
    settings.QUOTA_IMAGES_PER_DAY = {"everybody": 5, "staff": 0, "group:desk": 50}
    alice.is_staff = True
    assert quota_of(alice) == Quota(50, None)


def test_the_setting_is_read() -> None:
    read = Environment({"Q": "2000, staff:unlimited,group:news room:20000", "NONE": ""})
    assert read.quotas("Q") == {"everybody": 2000, "staff": None, "group:news room": 20000}
    assert read.quotas("NONE") == {}
