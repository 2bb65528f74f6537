"""One run at a time as a rule of the database; measured speed, schedule and notices of runs."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

WORK = [
    ("queued", "Waiting"),
    ("running", "Running"),
    ("finished", "Finished"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
]
STAGES = [
    ("preparing", "Reading images"),
    ("training", "Training"),
    ("exporting", "Calibrating and storing"),
    ("judging", "Measuring"),
]


def key() -> models.BigAutoField:
    """Return the primary key that each table has."""
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


class Migration(migrations.Migration):
    dependencies = [("detection", "0005_retraining")]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
            name="slot",
            field=models.PositiveSmallIntegerField(
                blank=True, editable=False, null=True, unique=True
            ),
        ),
        migrations.AlterField(
            model_name="trainingrun",
            name="stage",
            field=models.CharField(blank=True, choices=STAGES, max_length=16),
        ),
        migrations.CreateModel(
            name="StepMeasurement",
            fields=[
                ("id", key()),
                ("architecture", models.CharField(max_length=40)),
                ("batch_size", models.PositiveIntegerField()),
                ("state", models.CharField(choices=WORK, default="queued", max_length=16)),
                ("images_per_second", models.FloatField(blank=True, null=True)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("error_sentence", models.CharField(blank=True, max_length=500)),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="asked for"
                    ),
                ),
                (
                    "base_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="detection.modelversion",
                    ),
                ),
            ],
            options={"ordering": ["-pk"]},
        ),
        migrations.CreateModel(
            name="RetrainingSchedule",
            fields=[
                ("id", key()),
                ("is_on", models.BooleanField(default=False, verbose_name="retrain by itself")),
                (
                    "hour",
                    models.PositiveSmallIntegerField(
                        default=3,
                        help_text="0 to 23, in the installation's time zone.",
                        validators=[django.core.validators.MaxValueValidator(23)],
                        verbose_name="hour of the night",
                    ),
                ),
                (
                    "least_new",
                    models.PositiveIntegerField(
                        default=500,
                        help_text="A run is asked for once so many have come in since the last "
                        "one.",
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="new reviewed images",
                    ),
                ),
                (
                    "asked_on",
                    models.DateField(blank=True, null=True, verbose_name="last looked"),
                ),
                (
                    "outcome",
                    models.CharField(blank=True, max_length=500, verbose_name="what came of it"),
                ),
                (
                    "changed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "datasets",
                    models.ManyToManyField(blank=True, related_name="+", to="detection.dataset"),
                ),
            ],
            options={"verbose_name": "retraining schedule"},
        ),
        migrations.CreateModel(
            name="RunNotice",
            fields=[
                ("id", key()),
                (
                    "seen_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="opened"),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="detection.trainingrun",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="run_notices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["-pk"]},
        ),
        migrations.AddConstraint(
            model_name="runnotice",
            constraint=models.UniqueConstraint(fields=("run", "user"), name="run_notice_once"),
        ),
    ]
