"""What the administrator chooses in a list of the panel is deleted, and nothing else."""

from pathlib import Path

import pytest
from django.db.models import Model
from django.urls import reverse

from detection.models import AuditEvent, Item, Submission
from portal.models import User
from tests import doors
from tests.fixtures import signed_in


@pytest.mark.parametrize("model", [User, Submission, Item])
def test_what_is_chosen_in_a_list_is_deleted(
    model: type[Model], alice: User, charlie: User, admin: User, tmp_path: Path
) -> None:
    things = doors.panel_filled(alice, tmp_path / "panel")
    chosen = charlie.pk if model is User else things[model].pk
    before = set(model._default_manager.values_list("pk", flat=True))
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    form = {"action": "delete_selected", "_selected_action": [chosen], "post": "yes"}
    events = AuditEvent.objects.count()
    assert signed_in(admin).post(address, form).status_code == 302, "asks who it is first"
    assert set(model._default_manager.values_list("pk", flat=True)) == before
    answer = signed_in(admin, lately=True).post(address, form)
    assert answer.status_code == 302
    assert set(model._default_manager.values_list("pk", flat=True)) == before - {chosen}
    assert AuditEvent.objects.count() > events
