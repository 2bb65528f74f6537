"""An analysis: brief in lists, whole at its own address."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from detection.api.serializers.common import Address, StoredErrorSerializer
from detection.findings import STRENGTHS
from detection.models import (
    Analysis,
    Certainty,
    Face,
    FeedbackState,
    Label,
    State,
    Track,
    VerdictKind,
)
from detection.models.analyses import AnalysisQuerySet
from detection.models.tags import TAG_LENGTH, tag_name
from detection.services.findings_told import findings_told
from detection.services.history import Wanted
from detection.services.report_content import finding_told

LEANINGS = ("ai", "real", "doubt", "neutral")
PUBLIC_ID = r"^[0-9a-f]{24}$"
# Which lookup answers which filter; the others need more than one.
FILTERS = {
    "state": "state",
    "verdict": "verdict",
    "track": "track",
    "submission": "image__submission__public_id",
    "created_after": "created_at__gte",
    "created_before": "created_at__lt",
}
NO_MOMENT = {"invalid": "Give a moment such as 2026-11-27T14:00:00Z, or a date such as 2026-11-27."}
ON_IMAGES = [(track.value, track.label) for track in Track if track != Track.FACE]


class ReasonSerializer(serializers.Serializer):
    """Why it is so, the weightiest first."""

    code = serializers.CharField()
    sentence = serializers.CharField()


class BriefVerdictSerializer(serializers.Serializer):
    """A verdict, as lists tell it."""

    kind = serializers.ChoiceField(VerdictKind.choices, source="verdict")
    label = serializers.CharField(source="get_verdict_display")
    certainty = serializers.SerializerMethodField()
    percent_ai = serializers.SerializerMethodField(
        help_text="Calibrated probability of AI in percent; null where the number means nothing."
    )
    is_in_domain = serializers.BooleanField(source="in_domain", allow_null=True)
    rests_on_file = serializers.BooleanField()
    reasons = ReasonSerializer(many=True)

    @extend_schema_field(serializers.ChoiceField(Certainty.choices, allow_null=True))
    def get_certainty(self, judged: Any) -> str | None:
        """How far it can be relied on; `None` for what is inconclusive."""
        return judged.certainty or None

    def get_percent_ai(self, judged: Any) -> float | None:
        """The number, where people see it too."""
        percent: float | None = judged.percent_fake if judged.shows_number else None
        return percent


class VerdictSerializer(BriefVerdictSerializer):
    """A verdict with what would lead to another one."""

    would_change = serializers.ListField(child=serializers.CharField())


class ImageSerializer(serializers.Serializer):
    """One file that was taken in."""

    id = serializers.CharField(source="public_id")
    file_name = serializers.CharField()
    format = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    bytes = serializers.IntegerField(source="byte_size")
    sha256 = serializers.CharField()
    forgotten_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the file was deleted, as the installation keeps images for a time only; "
        "null while it is there.",
    )


class BriefAnalysisSerializer(serializers.Serializer):
    """An analysis, as lists tell it."""

    id = serializers.CharField(source="public_id")
    url = Address("api_analysis")
    submission = serializers.CharField(source="image.submission.public_id")
    state = serializers.ChoiceField(State.choices)
    track = serializers.ChoiceField(Track.choices)
    is_repeat = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    image = ImageSerializer()
    verdict = serializers.SerializerMethodField()
    model = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

    verdict_serializer: type[BriefVerdictSerializer] = BriefVerdictSerializer

    @extend_schema_field(BriefVerdictSerializer(allow_null=True))
    def get_verdict(self, analysis: Analysis) -> Any:
        """The verdict; `None` where there is none yet."""
        return self.verdict_serializer(analysis).data if analysis.verdict else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_model(self, analysis: Analysis) -> str | None:
        """Name and number of the version that answered."""
        return analysis.model_version.label if analysis.model_version else None

    @extend_schema_field(StoredErrorSerializer(allow_null=True))
    def get_error(self, analysis: Analysis) -> Any:
        """Why it failed."""
        return StoredErrorSerializer(analysis).data if analysis.error_code else None


class DetailSerializer(serializers.Serializer):
    """A line of what was read."""

    label = serializers.CharField()
    value = serializers.CharField()


class FindingSerializer(serializers.Serializer):
    """What the file itself says, as reports tell it."""

    kind = serializers.CharField()
    code = serializers.CharField()
    source = serializers.CharField()
    strength = serializers.ChoiceField(STRENGTHS)
    leaning = serializers.ChoiceField(LEANINGS)
    sentence = serializers.CharField()
    details = DetailSerializer(many=True)


class HeatmapSerializer(serializers.Serializer):
    """A picture of what moved the model."""

    url = Address("api_analysis_heatmap")
    method = serializers.CharField(source="heatmap_method")


class FaceHeatmapSerializer(HeatmapSerializer):
    """The same of a face."""

    url = Address("api_face_heatmap")


class FaceSerializer(serializers.Serializer):
    """A face in the upright image, and the verdict on it."""

    id = serializers.CharField(source="public_id")
    number = serializers.IntegerField(help_text="From 1, from left to right.")
    left = serializers.IntegerField()
    top = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    verdict = VerdictSerializer(source="*")
    heatmap = serializers.SerializerMethodField()

    @extend_schema_field(FaceHeatmapSerializer(allow_null=True))
    def get_heatmap(self, face: Face) -> Any:
        """Its heatmap; `None` where there is none."""
        return FaceHeatmapSerializer(face, context=self.context).data if face.heatmap else None


class FacesSerializer(serializers.Serializer):
    """The second look, at the faces alone."""

    state = serializers.ChoiceField(State.choices)
    model = serializers.CharField(source="model_version.label", default=None, allow_null=True)
    faces = FaceSerializer(many=True)


class ReportsSerializer(serializers.Serializer):
    """Where the reports are."""

    pdf = Address("api_analysis_report_pdf")
    json = Address("api_analysis_report_json")


class AnalysisSerializer(BriefAnalysisSerializer):
    """An analysis with its evidence."""

    page = Address("analysis_detail", help_text="Where people read it.")
    image_url = Address("api_analysis_image", when=lambda analysis: not analysis.image.is_forgotten)
    started_at = serializers.DateTimeField(allow_null=True)
    milliseconds = serializers.IntegerField(allow_null=True)
    tags = serializers.SerializerMethodField()
    findings = serializers.SerializerMethodField()
    heatmap = serializers.SerializerMethodField()
    faces = serializers.SerializerMethodField()
    reports = serializers.SerializerMethodField()

    verdict_serializer = VerdictSerializer

    @extend_schema_field(VerdictSerializer(allow_null=True))
    def get_verdict(self, analysis: Analysis) -> Any:
        """The verdict; `None` where there is none yet."""
        return super().get_verdict(analysis)

    def get_tags(self, analysis: Analysis) -> list[str]:
        """The words that its owner gave the image."""
        return [tag.name for tag in analysis.image.tags.all()]

    @extend_schema_field(FindingSerializer(many=True))
    def get_findings(self, analysis: Analysis) -> Any:
        """What the file says, strongest first; private lines are on the page alone."""
        return [finding_told(one) for one in findings_told(analysis)]

    @extend_schema_field(HeatmapSerializer(allow_null=True))
    def get_heatmap(self, analysis: Analysis) -> Any:
        """The heatmap; `None` where there is none."""
        return HeatmapSerializer(analysis, context=self.context).data if analysis.heatmap else None

    @extend_schema_field(FacesSerializer(allow_null=True))
    def get_faces(self, analysis: Analysis) -> Any:
        """The newest look at faces; `None` where none was taken."""
        on_faces = analysis.image.analyses.on_faces().for_display().prefetch_related("faces")
        looked = on_faces.newest_first().first()
        if looked is None:
            return None
        return FacesSerializer(
            {"state": looked.state, "model_version": looked.model_version, "faces": looked.faces},
            context=self.context,
        ).data

    @extend_schema_field(ReportsSerializer(allow_null=True))
    def get_reports(self, analysis: Analysis) -> Any:
        """Where the reports are, once it has finished."""
        is_finished = analysis.state == State.FINISHED
        return ReportsSerializer(analysis, context=self.context).data if is_finished else None


class AnalysisFilterSerializer(serializers.Serializer):
    """Which analyses are wanted; all of it together."""

    state = serializers.ChoiceField(State.choices, required=False)
    verdict = serializers.ChoiceField(VerdictKind.choices, required=False)
    track = serializers.ChoiceField(ON_IMAGES, required=False)
    tag = serializers.CharField(max_length=TAG_LENGTH, required=False)
    submission = serializers.RegexField(PUBLIC_ID, required=False)
    created_after = serializers.DateTimeField(
        required=False,
        error_messages=NO_MOMENT,
        help_text="This moment included, such as 2026-11-27 or 2026-11-27T14:00:00Z.",
    )
    created_before = serializers.DateTimeField(
        required=False, error_messages=NO_MOMENT, help_text="This moment excluded."
    )
    text = serializers.CharField(
        max_length=200, required=False, help_text="In the file name, the note or a tag."
    )

    def wanted(self, user: Any) -> Wanted:
        """Return which analyses of this user are asked for.

        Raises:
            ValidationError: A value cannot be understood.
        """
        self.is_valid(raise_exception=True)
        given = self.validated_data
        return Wanted(
            user=user,
            fitting=self._fitting,
            is_filtered=bool(given.keys() - {"tag"}),
            text=given.get("text", ""),
            tag=tag_name(given.get("tag", "")),
        )

    def _fitting(self, analyses: AnalysisQuerySet) -> AnalysisQuerySet:
        """Return those that all filters but tag and text leave."""
        given = self.validated_data
        lookups = {FILTERS[name]: given[name] for name in FILTERS if name in given}
        if "verdict" in given:
            # Only what has finished has a verdict; said too, it leads through the index.
            lookups.setdefault("state", State.FINISHED)
        elif given.get("state", State.FINISHED) != State.FINISHED:
            lookups["verdict"] = ""
        return analyses.filter(**lookups)


class FeedbackSerializer(serializers.Serializer):
    """What somebody says an image really is."""

    label = serializers.ChoiceField([(Label.REAL, "Real"), (Label.FAKE, "AI-generated")])
    note = serializers.CharField(max_length=1000, required=False, default="", allow_blank=True)
    has_consent = serializers.BooleanField(
        default=False, help_text="Whether the image may be used to train and test the model."
    )


class GivenFeedbackSerializer(serializers.Serializer):
    """What was said of a verdict, and what became of it."""

    label = serializers.ChoiceField(Label.choices)
    note = serializers.CharField()
    has_consent = serializers.BooleanField()
    state = serializers.ChoiceField(FeedbackState.choices)
    created_at = serializers.DateTimeField()
