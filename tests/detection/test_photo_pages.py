"""Staff read what there is for a fit and how it goes."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from detection.models import Dataset, Label, Stage, TrainingRun, Work
from detection.services.training import fit_request
from portal.models import User
from tests import panel, people, photos
from tests.fixtures import signed_in

FIT = reverse("admin:detection_photo_fit")
MATERIAL = reverse("admin:detection_photo_fit_material")


def form(*datasets: Dataset, **changes: Any) -> dict[str, Any]:
    given = {"datasets": [one.pk for one in datasets], "name": "photo", "false_alarms_percent": "5"}
    return {**given, **changes}


class TestFitPage:
    """What there is, and asking for it."""

    def test_it_says_what_there_is_and_what_is_missing(self, as_admin: Client) -> None:
        dataset = photos.dataset(real=21, fake=12)
        photos.add(dataset, 900, Label.FAKE, side=100)
        text = panel.text_of(as_admin, FIT)
        assert "<dt>Real</dt><dd>21</dd>" in text
        assert "<dt>AI-generated</dt><dd>12</dd>" in text
        assert "<dt>Too small, left out</dt><dd>1</dd>" in text
        assert "<strong>8 AI-generated ones</strong> are missing" in text
        assert "All come from one source" in text

    def test_other_datasets_are_counted_as_they_are_ticked(self, as_admin: Client) -> None:
        one, other = photos.dataset("One"), photos.dataset("Other", first=100)
        answer = as_admin.get(MATERIAL, form(one, other))
        assert "<dd>40</dd>" in answer.text
        assert "missing" not in answer.text
        assert "<dt>Real</dt><dd>0</dd>" in as_admin.get(MATERIAL).text

    def test_it_tells_of_copies_and_contradictions_beforehand(self, as_admin: Client) -> None:
        one, other = photos.dataset("One"), photos.dataset("Other", first=100)
        photos.add(one, 900, Label.REAL)
        photos.add(other, 900, Label.FAKE)
        photos.add(other, 901, Label.FAKE, file=photos.content(900, quality=60))
        answer = as_admin.get(MATERIAL, form(one, other)).text
        assert "The same file is labelled real and AI-generated" in answer
        assert "2 photographs are near-copies of others" in answer
        assert "41 different real and 41 different AI-generated ones remain" in answer
        assert "1 group of near-copies carries both labels" in answer
        for dataset in (one, other):
            assert reverse("admin:detection_dataset_near", args=[dataset.pk]) in answer
        assert "near-copies" not in as_admin.get(MATERIAL, form(photos.dataset(first=300))).text

    def test_copies_that_make_it_too_few_are_told_with_what_it_takes(
        self, as_admin: Client
    ) -> None:
        dataset = photos.dataset(fake=19)
        photos.add(dataset, 901, Label.FAKE, file=photos.content(38, quality=60))
        answer = as_admin.get(MATERIAL, form(dataset)).text
        assert "1 photograph is a near-copy of others, and adds little" in answer
        assert "<strong>A fit takes 20 different ones of each class.</strong>" in answer
        assert "<dt>Takes about</dt><dd>—</dd>" in answer
        assert "19 different AI-generated ones" in as_admin.post(FIT, form(dataset)).text
        assert not TrainingRun.objects.exists()

    def test_what_was_fitted_last_is_ticked(self, as_admin: Client, admin: User) -> None:
        usual = photos.dataset("Usual")
        photos.dataset("One class", fake=0, first=100)
        both = photos.dataset("Both", first=200)
        ticked = as_admin.get(FIT).context["form"].initial["datasets"]
        assert set(ticked) == {usual, both}
        fit_request(user=admin, datasets=[usual])
        assert list(as_admin.get(FIT).context["form"].initial["datasets"]) == [usual]

    def test_an_administrator_asks_for_a_fit(self, as_admin: Client, admin: User) -> None:
        dataset = photos.dataset()
        answer = as_admin.post(FIT, form(dataset, name="site", false_alarms_percent="2"))
        run = TrainingRun.objects.get()
        assert answer.url == reverse("admin:detection_trainingrun_change", args=[run.pk])  # type: ignore[attr-defined]
        assert (run.model_name, run.requested_by) == ("site", admin)
        assert run.config["false_alarms"] == pytest.approx(0.02)

    def test_a_frozen_list_is_fitted_to_again(self, as_admin: Client, admin: User) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        TrainingRun.objects.update(state=Work.CANCELLED, slot=None)
        as_admin.post(FIT, form(snapshot=run.snapshot.pk))
        assert TrainingRun.objects.count() == 2
        assert TrainingRun.objects.first().snapshot == run.snapshot  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"datasets": []}, "Choose at least one dataset."),
            ({"false_alarms_percent": "0"}, "greater than or equal to 1"),
            ({"name": "No Name"}, "small letters, digits and hyphens"),
        ],
    )
    def test_what_makes_no_sense_is_said_in_the_form(
        self, as_admin: Client, changes: dict[str, Any], said: str
    ) -> None:
        answer = as_admin.post(FIT, form(photos.dataset(), **changes))
        assert said in answer.text
        assert not TrainingRun.objects.exists()

    def test_too_few_are_refused_in_a_sentence(self, as_admin: Client) -> None:
        answer = as_admin.post(FIT, form(photos.dataset(real=3)))
        assert "review 17 more real ones." in answer.text

    def test_nobody_else_asks(self, as_charlie: Client) -> None:
        reviewer = people.person("reviewer")
        reviewer.is_staff = True
        reviewer.save()
        reviewer.user_permissions.add(Permission.objects.get(codename="view_trainingrun"))
        for client in (as_charlie, signed_in(reviewer)):
            for answer in (client.get(FIT), client.get(MATERIAL), client.post(FIT, form())):
                assert answer.status_code in (302, 403)
                assert "Fit a photo model" not in answer.text
        assert not TrainingRun.objects.exists()


class TestRunPage:
    """A fit that goes."""

    @pytest.mark.parametrize(
        ("stage", "said"),
        [
            (Stage.PREPARING, "Reading images: 10 of 40 images"),
            (Stage.VALIDATING, "Validating: 10 of 40 steps"),
        ],
    )
    def test_it_has_no_epochs(self, as_admin: Client, admin: User, stage: Stage, said: str) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        TrainingRun.objects.update(
            state=Work.RUNNING, stage=stage, step=10, steps=40, images_per_second=2.5
        )
        text = panel.text_of(as_admin, reverse("admin:detection_trainingrun_change", args=[run.pk]))
        assert said in text
        assert "The whole fit" in text
        assert "2.5 images/s" in text
        assert "left</p>" in text
        assert "False alarms allowed" in text
        for word in ("Epoch", "Loss", "Learning rate", "fresh weights"):
            assert word not in text

    def test_it_first_makes_its_network_ready(self, as_admin: Client, admin: User) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        TrainingRun.objects.update(state=Work.RUNNING, stage=Stage.PREPARING)
        text = panel.text_of(as_admin, reverse("admin:detection_trainingrun_change", args=[run.pk]))
        assert "<span>Making the network ready</span>" in text
        assert "0 %" not in text

    def test_one_that_failed_leads_to_its_pictures(self, as_admin: Client, admin: User) -> None:
        dataset = photos.dataset()
        run = fit_request(user=admin, datasets=[dataset])
        page = reverse("admin:detection_trainingrun_change", args=[run.pk])
        near = reverse("admin:detection_dataset_near", args=[dataset.pk])
        assert near not in panel.text_of(as_admin, page)
        TrainingRun.objects.update(
            state=Work.FAILED, slot=None, error_code="x", error_sentence="All are copies."
        )
        assert near in panel.text_of(as_admin, page)

    def test_its_snapshot_has_neither_seed_nor_sides(self, as_admin: Client, admin: User) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        page = reverse("admin:detection_snapshot_change", args=[run.snapshot.pk])
        text = panel.text_of(as_admin, page)
        assert "Seed" not in text
        assert '<th scope="row">Validation</th>' not in text
        assert "holds each image out in its turn" in text

    def test_the_list_names_it(self, as_admin: Client, admin: User) -> None:
        fit_request(user=admin, datasets=[photos.dataset()])
        text = panel.text_of(as_admin, reverse("admin:detection_trainingrun_changelist"))
        assert "fit of photo" in text
