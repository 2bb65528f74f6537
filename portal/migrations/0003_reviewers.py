"""A group that holds the rights of label review, so that making a reviewer is one choice."""

from typing import Any

from django.db import migrations

NAME = "Reviewers"
# Settling labels, and seeing the images for it and what they are part of.
RIGHTS = {
    "view_analysis": "analysis",
    "view_item": "item",
    "view_dataset": "dataset",
    "view_labelreview": "label review",
    "add_labelreview": "label review",
}


def group_make(apps: Any, editor: Any) -> None:
    """Make the group; one of that name that is already there stays as it is."""
    group, is_new = apps.get_model("auth", "Group").objects.get_or_create(name=NAME)
    if not is_new:
        return
    kinds = apps.get_model("contenttypes", "ContentType").objects
    rights = apps.get_model("auth", "Permission").objects
    for codename, told in RIGHTS.items():
        # Django makes both after all migrations, and takes those that it finds.
        action, model = codename.split("_")
        kind, _ = kinds.get_or_create(app_label="detection", model=model)
        right, _ = rights.get_or_create(
            content_type=kind, codename=codename, defaults={"name": f"Can {action} {told}"}
        )
        group.permissions.add(right)


def group_drop(apps: Any, editor: Any) -> None:
    """Take the group away, unless people are in it: their rights are no business of an update."""
    group = apps.get_model("auth", "Group").objects.filter(name=NAME).first()
    if group is not None and not apps.get_model("portal", "User").objects.filter(groups=group):
        group.delete()


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0002_api_tokens"),
        ("detection", "0017_pending_files"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(group_make, group_drop)]
