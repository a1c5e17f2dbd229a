"""Rollouts: a version taken to satellites in rings, and what was decided about each of them.

What a satellite holds and runs is said by transfers and deployments. A target points to them and
keeps what was decided: what it ended as, and why.
"""

from uuid import uuid4

from django.db import models
from django.db.models import F, Q

from constellation.models import Satellite
from ops.accounts.models import Organisation, User
from uplink.inference.models import Query
from uplink.registry.models import Artefact, GoldenPrompt, Version
from uplink.transfers.models import Transfer


class State(models.TextChoices):
    CREATING = "CREATING"
    WAITING_FOR_APPROVAL = "WAITING_FOR_APPROVAL", "Waiting for approval"
    APPROVAL_DENIED = "APPROVAL_DENIED", "Approval denied"
    READY = "READY"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FINISHED = "FINISHED"
    ROLLING_BACK = "ROLLING_BACK", "Rolling back"
    ROLLED_BACK = "ROLLED_BACK", "Rolled back"


MOVING = [State.STARTING, State.RUNNING, State.PAUSED, State.STOPPING, State.ROLLING_BACK]
"""States in which the tick looks after a rollout. READY joins them when its time has come."""
OVER = [State.APPROVAL_DENIED, State.STOPPED, State.FINISHED, State.ROLLED_BACK]


class Kind(models.TextChoices):
    """When a satellite changes its model; see `windows.objection`."""

    DOWNLOAD_ONLY = "DOWNLOAD_ONLY", "Download only"
    SOFT = "SOFT", "Soft: when its queues are empty"
    TIMEFORCED = "TIMEFORCED", "Soft until a time, then forced"
    FORCED = "FORCED", "Forced: in the next safe window"


class Rollout(models.Model):
    """One version on its way to many satellites. The caller chooses the id. Mission time."""

    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="rollouts")
    name = models.CharField(max_length=100)
    version = models.ForeignKey(Version, models.PROTECT, related_name="rollouts")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.FORCED)
    forced_at = models.DateTimeField(null=True, help_text="Of TIMEFORCED.")
    start_at = models.DateTimeField(null=True, help_text="Empty: when somebody starts it.")
    priority = models.SmallIntegerField(default=0)
    laser = models.BooleanField(
        default=True, help_text="Packs may come from other satellites over laser links."
    )
    safe_window = models.JSONField(default=dict)
    asked = models.JSONField(help_text="As it was asked for, to tell a repetition.")
    needs_approval = models.BooleanField(default=False)
    state = models.CharField(max_length=20, choices=State, default=State.CREATING)
    reason = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    remark = models.CharField(max_length=500, blank=True, help_text="Of who decided.")
    started_at = models.DateTimeField(null=True)
    goes_back_only = models.PositiveSmallIntegerField(
        null=True, help_text="Number of the one ring that is rolled back; empty: all of them."
    )
    judged_from = models.DateTimeField(
        null=True, help_text="Start or last resumption: what was inconclusive before is forgiven."
    )
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="rollout_is_decided_by_another",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("created_by")),
            ),
            models.CheckConstraint(
                name="rollout_starts_only_approved",
                condition=Q(needs_approval=False)
                | Q(started_at__isnull=True)
                | Q(decided_by__isnull=False),
            ),
            models.CheckConstraint(
                name="rollout_is_forced_at_some_time",
                condition=~Q(kind="TIMEFORCED") | Q(forced_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RingState(models.TextChoices):
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    ERROR = "ERROR"
    ROLLING_BACK = "ROLLING_BACK", "Rolling back"
    ROLLED_BACK = "ROLLED_BACK", "Rolled back"


class ErrorAction(models.TextChoices):
    PAUSE = "PAUSE"
    ROLLBACK_RING = "ROLLBACK_RING", "Roll this ring back"
    ROLLBACK_ALL = "ROLLBACK_ALL", "Roll all rings back"


class SuccessAction(models.TextChoices):
    NEXT = "NEXT", "Go on with the next ring"
    PAUSE = "PAUSE"


class Synchronise(models.TextChoices):
    """Whether a ring activates at one instant, by the clocks on board."""

    NO = "NO", "Each on its own"
    ALL = "ALL", "All at one instant, or none"
    READY = "READY", "At one instant, without those that failed"


class Ring(models.Model):
    """Satellites that get the version together, and what must hold before the next ones do."""

    rollout = models.ForeignKey(Rollout, models.CASCADE, related_name="rings")
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    is_canary = models.BooleanField(default=False)
    filter = models.JSONField(default=dict)
    percentage = models.FloatField(default=100.0)
    success = models.JSONField(default=dict, help_text="Read by `conditions.parse_success`.")
    error = models.JSONField(default=dict, help_text="Read by `conditions.parse_failure`.")
    on_success = models.CharField(max_length=8, choices=SuccessAction, default=SuccessAction.NEXT)
    on_error = models.CharField(max_length=16, choices=ErrorAction, default=ErrorAction.PAUSE)
    golden = models.BooleanField(default=False, help_text="Golden prompts are asked on board.")
    metrics = models.JSONField(default=list, help_text="Read by `gates.parse`.")
    soak_orbits = models.FloatField(default=0.0)
    soak_contacts = models.PositiveSmallIntegerField(default=0)
    together = models.BooleanField(
        default=False, help_text="Nobody activates before all of the ring hold the version."
    )
    synchronise = models.CharField(max_length=8, choices=Synchronise, default=Synchronise.NO)
    activate_at = models.DateTimeField(null=True, help_text="The common instant, once chosen.")
    armed_by = models.DateTimeField(
        null=True, help_text="Who has not confirmed the instant by then has it called off."
    )
    state = models.CharField(max_length=16, choices=RingState, default=RingState.SCHEDULED)
    reason = models.CharField(max_length=500, blank=True)
    forgiven = models.PositiveIntegerField(
        default=0, help_text="Failures that were there when somebody resumed after an error."
    )
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(name="ring_once", fields=["rollout", "number"])]

    def __str__(self) -> str:
        return self.name


class Outcome(models.TextChoices):
    """What was decided about a target, for good."""

    VERIFIED = "VERIFIED"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK", "Rolled back"
    CANCELLED = "CANCELLED"


SUCCEEDED = [Outcome.VERIFIED, Outcome.ACTIVE]
WENT_WRONG = [Outcome.FAILED, Outcome.ROLLED_BACK]


class Target(models.Model):
    """One satellite of a ring. `targets.state_of` derives where it is; `outcome` is decided."""

    rollout = models.ForeignKey(Rollout, models.CASCADE, related_name="targets")
    ring = models.ForeignKey(Ring, models.CASCADE, related_name="targets")
    satellite = models.ForeignKey(Satellite, models.PROTECT, related_name="targets")
    transfer = models.ForeignKey(Transfer, models.PROTECT, null=True, related_name="targets")
    previous = models.ForeignKey(
        Artefact, models.PROTECT, null=True, related_name="+", help_text="What ran at the start."
    )
    begun_at = models.DateTimeField(null=True)
    active_at = models.DateTimeField(null=True, help_text="Seen running; the soak begins.")
    ecc_base = models.FloatField(null=True, help_text="Uncorrected errors at the first reading.")
    waits_for = models.CharField(max_length=300, blank=True, help_text="Why nothing happens now.")
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)
    code = models.CharField(max_length=40, blank=True, help_text="Of a failure, for programs.")
    reason = models.CharField(max_length=500, blank=True)
    finished_at = models.DateTimeField(null=True)
    undo = models.ForeignKey(
        Transfer, models.PROTECT, null=True, related_name="+", help_text="Brings `previous` back."
    )
    undo_from = models.DateTimeField(null=True, help_text="When rolling it back was decided.")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["ring__number", "satellite__code"]
        constraints = [
            models.UniqueConstraint(name="target_once", fields=["rollout", "satellite"]),
            models.UniqueConstraint(
                name="target_of_one_rollout_at_a_time",
                fields=["satellite"],
                condition=Q(begun_at__isnull=False, finished_at__isnull=True),
            ),
            models.CheckConstraint(
                name="target_is_finished_with_an_outcome",
                condition=Q(outcome="", finished_at__isnull=True)
                | (~Q(outcome="") & Q(finished_at__isnull=False)),
            ),
        ]


class Probe(models.Model):
    """A golden prompt asked on board of a target, and what was thought of the answer."""

    target = models.ForeignKey(Target, models.CASCADE, related_name="probes")
    prompt = models.ForeignKey(GoldenPrompt, models.PROTECT, related_name="+")
    attempt = models.PositiveSmallIntegerField(default=0)
    query = models.ForeignKey(Query, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    verdict = models.CharField(max_length=12, blank=True, help_text="Of `golden.Verdict`.")
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["prompt__number", "attempt"]
        constraints = [
            models.UniqueConstraint(name="probe_once", fields=["target", "prompt", "attempt"])
        ]


class Measurement(models.Model):
    """One measurement of a metric gate: what was seen, and what was thought of it."""

    target = models.ForeignKey(Target, models.CASCADE, related_name="measurements")
    gate = models.PositiveSmallIntegerField(help_text="Its place among the ring's metrics.")
    taken_at = models.DateTimeField()
    value = models.FloatField(null=True)
    verdict = models.CharField(max_length=12, help_text="Of `gates.Verdict`.")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["taken_at", "id"]
        indexes = [models.Index(name="measurement_of_gate", fields=["target", "gate", "taken_at"])]


class Revocation(models.Model):
    """A version that must run nowhere: it is taken off every satellite, and sent to none."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    version = models.OneToOneField(Version, models.PROTECT, related_name="revocation")
    reason = models.CharField(max_length=300)
    revoked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField()

    class Meta:
        ordering = ["-revoked_at", "id"]


class Divergence(models.Model):
    """A satellite that runs something else than it should: offered again, or flagged with why."""

    satellite = models.OneToOneField(Satellite, models.CASCADE, related_name="divergence")
    desired = models.ForeignKey(Artefact, models.PROTECT, related_name="+")
    reported_sha256 = models.CharField(max_length=64, blank=True)
    since_at = models.DateTimeField()
    offers = models.PositiveSmallIntegerField(default=0)
    transfer = models.ForeignKey(Transfer, models.SET_NULL, null=True, related_name="+")
    is_flagged = models.BooleanField(default=False)
    reason = models.CharField(max_length=500, blank=True)
