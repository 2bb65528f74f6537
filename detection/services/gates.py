"""What a version has to reach before it may answer: gates, each with its reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from detection.models import Evaluation, ModelVersion, Track
from detection.services.evaluations import ON_FACES, TestSet, sealed_sets
from detection.services.gate import Gate
from detection.services.photo_gates import binding_gates, calibration, fitted_gates, worth
from detection.services.served_figures import record_of_today
from detection.services.signatures import version_is_at_hand
from detection.services.timing import speed_beside


@dataclass(frozen=True, slots=True)
class _Judged:
    """One set with what candidate and champion reached on it as it is now."""

    test: TestSet
    candidate: dict[str, Any] | None
    champion: dict[str, Any] | None


def gates_check(*, version: ModelVersion) -> list[Gate]:
    """Tell for each gate whether a version passes it, against the champion of its track.

    Only evaluations on the sets as they are now count: one that was made before images were
    added has to be made again. What a snapshot held out is no gate: a champion may have learnt it.
    """
    champion = ModelVersion.objects.champion_of(version.model.track)
    # What answers is compared with nothing: it is asked for what it is alone.
    champion = None if champion == version else champion
    judged = [_judged(test, version, champion) for test in sealed_sets(version)]
    if version.model.track == Track.PHOTO:
        sealed = [gate for one in judged for gate in _photo_gates_on(one, version, champion)]
        return [*fitted_gates(version), *sealed, _size_gate(version)]
    if not judged:
        on_faces = version.model.track == Track.FACE
        reason = ON_FACES if on_faces else "No sealed test or regression set has images yet."
        return [_unjudged("a sealed test", reason), _size_gate(version)]
    gates = [gate for one in judged for gate in _gates_on(one, version, champion)]
    if not any(_is_own_test(one.test, version) for one in judged):
        reason = "No sealed test has images of the size that it was validated for."
        gates.insert(0, _unjudged("a sealed test", reason))
    return [*gates, *_speed_gates(judged, champion), _size_gate(version)]


def gates_are_needed(*, version: ModelVersion) -> bool:
    """Tell whether a version has to pass them: not on the way back, nor the first of a track.

    The way back is free to what passed them once. What was only ever let through by somebody's
    reason has to pass now, or is given a reason again. The first of the photo track is asked like
    any other: its gates are about itself, and its figures come with it.
    """
    if version.has_stood_its_gates:
        return False
    track = version.model.track
    return track == Track.PHOTO or ModelVersion.objects.champion_of(track) is not None


def gates_asked(*, version: ModelVersion) -> list[Gate]:
    """Return the gates that a version meets on its promotion.

    All of them where they are needed; else those alone that nothing lets a version past.
    """
    if gates_are_needed(version=version):
        return gates_check(version=version)
    return binding_gates(version) if version.model.track == Track.PHOTO else []


def _judged(test: TestSet, version: ModelVersion, champion: ModelVersion | None) -> _Judged:
    pair = [one for one in (version, champion) if one is not None]
    found = Evaluation.objects.filter(
        version__in=pair, dataset=test.dataset, data_sha256=test.data_sha256
    )
    newest = {one.version_id: one for one in found.select_related("version").order_by("pk")}
    records = {pk: record_of_today(one) for pk, one in newest.items()}
    return _Judged(test, records.get(version.pk), records.get(champion.pk) if champion else None)


def _gates_on(one: _Judged, version: ModelVersion, champion: ModelVersion | None) -> Iterator[Gate]:
    name = one.test.name
    if one.candidate is None:
        yield _unjudged(name, f"It was not judged on {name} as it is now: have it judged first.")
        return
    if _is_own_test(one.test, version):
        yield _floor(name, one.candidate["accuracy"])
        yield _calibration(name, one.candidate["ece"])
    if champion is None:
        return
    if one.champion is None:
        yield _unjudged(
            name, f"The champion was not judged on {name} as it is now: have both judged first."
        )
        return
    yield _drop(name, one.champion["accuracy"] - one.candidate["accuracy"])
    if _is_own_test(one.test, version):
        yield _coverage(name, one.champion["coverage"], one.candidate["coverage"])


def _photo_gates_on(
    one: _Judged, version: ModelVersion, champion: ModelVersion | None
) -> Iterator[Gate]:
    """Ask the same of a sealed set of photographs as of the fit, and no drop below the champion."""
    name = one.test.name
    if one.candidate is None:
        yield _unjudged(name, f"It was not judged on {name} as it is now: have it judged first.")
        return
    if _is_own_test(one.test, version):
        bootstrap = one.candidate.get("bootstrap") or {}
        interval = bootstrap.get("intervals", {}).get("roc_auc")
        where = f"pictures of {name}"
        yield worth(f"worth on {name}", one.candidate["roc_auc"], interval, where=where)
        yield calibration(f"calibration on {name}", one.candidate["ece"], where=name)
    if champion is not None and one.champion is not None:
        yield _drop(name, one.champion["accuracy"] - one.candidate["accuracy"])


def _is_own_test(test: TestSet, version: ModelVersion) -> bool:
    """Tell whether a sealed test is for such images as the version was validated on.

    Others tell how it does elsewhere: no floor can be set for that, but it may not get worse.
    """
    return test.dataset is not None and test.dataset.is_own_test_of(version)


def _floor(name: str, accuracy: float) -> Gate:
    least = settings.GATE_MIN_ACCURACY
    return Gate(
        f"accuracy on {name}",
        least,
        accuracy,
        accuracy >= least,
        f"It tells {_percent(accuracy)} of {name} right; at least {_percent(least)} are asked for.",
    )


def _calibration(name: str, ece: float) -> Gate:
    most = settings.GATE_MAX_ECE
    return Gate(
        f"calibration on {name}",
        most,
        ece,
        ece <= most,
        f"Its probabilities are off by {_percent(ece)} on {name}; at most {_percent(most)} may be.",
    )


def _drop(name: str, drop: float) -> Gate:
    most = settings.GATE_MAX_DROP
    found = (
        f"{_points(abs(drop))} {'worse' if drop > 0 else 'better'} than" if drop else "as good as"
    )
    return Gate(
        f"drop on {name}",
        most,
        drop,
        # Shares of whole images: a drop of just the limit shall not fail by a rounding error.
        drop <= most + 1e-9,
        f"It is {found} the champion on {name}; at most {_points(most)} worse is allowed.",
    )


def _coverage(name: str, champion: float, candidate: float) -> Gate:
    """Ask that it decides about as often: who calls all inconclusive is never told to be wrong."""
    most = settings.GATE_MAX_COVERAGE_DROP
    return Gate(
        f"decided on {name}",
        most,
        champion - candidate,
        champion - candidate <= most + 1e-9,
        f"It decides {_percent(candidate)} of {name}, the champion {_percent(champion)}; at most "
        f"{_points(most)} less are allowed.",
    )


def _speed_gates(judged: list[_Judged], champion: ModelVersion | None) -> Iterator[Gate]:
    """Compare how long both take.

    What counts are times that were taken in turns; without such, from before there were any, the
    fastest of both on one machine.
    """
    if champion is None:
        return
    records = [one.candidate for one in judged if one.candidate]
    for timed in filter(None, (speed_beside(record, champion) for record in records)):
        yield _speed(*timed)
        return
    own = _speeds(records)
    if not own:
        return
    theirs = _speeds(one.champion for one in judged)
    machines = sorted(own.keys() & theirs.keys())
    if not machines:
        reason = "It and the champion were timed on different machines: have both judged again."
        yield Gate("speed", settings.GATE_MAX_SLOWDOWN, None, False, reason)
        return
    yield _speed(own[machines[0]], theirs[machines[0]])


def _speed(own: float, theirs: float) -> Gate:
    most = settings.GATE_MAX_SLOWDOWN
    ratio = own / theirs
    return Gate(
        "speed",
        most,
        ratio,
        ratio <= most,
        f"An image with its heatmap takes {own:.2g} ms, {ratio:.2f} times as long as the champion; "
        f"at most {most:g} times is allowed.",
    )


def _speeds(records: Any) -> dict[str, float]:
    """Return the fastest time in ms on each machine."""
    speeds: dict[str, float] = {}
    for speed in (record.get("speed") for record in records if record):
        if speed:
            milliseconds = speed["image_with_heatmap_ms"]
            speeds[speed["machine"]] = min(milliseconds, speeds.get(speed["machine"], milliseconds))
    return speeds


def _size_gate(version: ModelVersion) -> Gate:
    if not version.byte_size:
        version_is_at_hand(version=version)
    megabytes = version.byte_size / 1e6
    most = settings.GATE_MAX_MEGABYTES
    return Gate(
        "size",
        most,
        megabytes,
        0 < megabytes <= most,
        f"Its files take {megabytes:.1f} MB; at most {most} MB are allowed."
        if megabytes
        else "Its files are gone.",
    )


def _unjudged(name: str, sentence: str) -> Gate:
    return Gate(f"judged on {name}", 0.0, None, False, sentence)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _points(difference: float) -> str:
    return f"{100 * difference:.2f} points"
