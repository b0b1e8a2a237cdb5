"""What the owner declares: `autotroph.toml` as frozen values, with errors that name line, key and choices."""

from autotroph.spec.declaration import (
    ExperimentSpec,
    GateSpec,
    GuardrailSpec,
    LadderSpec,
    MeasureSpec,
    ModelSpec,
    OutcomeSpec,
    ResponseSpec,
    RewardSpec,
    SignalSpec,
    Spec,
    TaskSpec,
    TrackSpec,
    VariantSpec,
)
from autotroph.spec.durations import Duration
from autotroph.spec.expressions import ANSWER_COLUMNS, Expression, compile_expression
from autotroph.spec.paying import BudgetSpec, KeySpec, LimitSpec, PriceSpec
from autotroph.spec.policies import First, Longest, PolicyDocument, Threshold, Uniform
from autotroph.spec.reading import load, parse
from autotroph.spec.sets import SetSpec
from autotroph.spec.template import SKELETON, template
from autotroph.spec.upstreams import CallSpec
from autotroph.spec.whole import PrivacySpec, ProductSpec, RetentionSpec, RunSpec, SeasonSpec

__all__ = [
    "ANSWER_COLUMNS",
    "SKELETON",
    "BudgetSpec",
    "CallSpec",
    "Duration",
    "ExperimentSpec",
    "Expression",
    "First",
    "GateSpec",
    "GuardrailSpec",
    "KeySpec",
    "LadderSpec",
    "LimitSpec",
    "Longest",
    "MeasureSpec",
    "ModelSpec",
    "OutcomeSpec",
    "PolicyDocument",
    "PriceSpec",
    "PrivacySpec",
    "ProductSpec",
    "ResponseSpec",
    "RetentionSpec",
    "RewardSpec",
    "RunSpec",
    "SeasonSpec",
    "SetSpec",
    "SignalSpec",
    "Spec",
    "TaskSpec",
    "Threshold",
    "TrackSpec",
    "Uniform",
    "VariantSpec",
    "compile_expression",
    "load",
    "parse",
    "template",
]
