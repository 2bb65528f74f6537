"""Which analysis stands is kept, and so is how often a tag is given: lists read both from indexes."""

from typing import Any

from django.conf import settings
from django.db import migrations, models

AT_ONCE = 20_000


def fill_in(apps: Any, schema_editor: Any) -> None:
    """Find out which analyses do not stand, and on how many images each tag is.

    Keys first and then an update by them: MySQL updates no table that it reads from.
    """
    analysis = apps.get_model("detection", "Analysis")
    repeats = analysis.objects.filter(is_repeat=True)
    answered = repeats.filter(state="finished").exclude(track="face")
    newest: dict[int, int] = dict(
        answered.values_list("image").annotate(newest=models.Max("pk")).order_by()
    )
    repeats.update(is_current=False)
    images = list(newest)
    for start in range(0, len(images), AT_ONCE // 20):
        step = images[start : start + AT_ONCE // 20]
        on_images = analysis.objects.filter(image__in=step).exclude(track="face")
        on_images.update(is_current=False)
        analysis.objects.filter(pk__in=[newest[image] for image in step]).update(is_current=True)
    tag = apps.get_model("detection", "Tag")
    counted = tag.objects.annotate(count=models.Count("images")).values_list("pk", "count")
    for pk, count in list(counted.order_by()):
        tag.objects.filter(pk=pk).update(image_count=count)


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0012_beyond_one_browser"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="analysis",
            name="is_current",
            field=models.BooleanField(default=True, verbose_name="stands"),
        ),
        migrations.AddField(
            model_name="tag",
            name="image_count",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.RunPython(fill_in, migrations.RunPython.noop, elidable=True),
        # Another one of this name is there until then: the owner's foreign key needs one.
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["owner", "-created_at", "-id"], name="submission_newest"),
        ),
        migrations.RemoveIndex(model_name="submission", name="submission_of_owner"),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["-created_at", "-id"], name="submission_latest"),
        ),
        migrations.RemoveIndex(model_name="analysis", name="analysis_newest"),
        migrations.AddIndex(
            model_name="analysis",
            index=models.Index(fields=["-created_at", "-id"], name="analysis_latest"),
        ),
        migrations.AddIndex(
            model_name="analysis",
            index=models.Index(
                fields=["owner", "-created_at", "-id", "is_current", "track", "image"],
                name="analysis_history",
            ),
        ),
        migrations.AddIndex(
            model_name="analysis",
            index=models.Index(
                fields=["owner", "state", "verdict", "-created_at", "-id", "is_current", "track"],
                name="analysis_by_verdict",
            ),
        ),
    ]
