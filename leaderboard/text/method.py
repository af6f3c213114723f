"""Words of a method's page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The method page's words."""

    choose: str
    description: str
    card: str
    paper: str
    parameters: str
    weights: str
    version: str
    machine: str
    run: str
    provenance: str
    provenances: dict[str, str]
    to_cases: str
    to_compare: str
    by_scenario: str
    by_vertical: str
    values: str
    values_note: str
    mean: str
    scored: str
    trial: str
    trial_help: str
    no_weight: str
    worst: str
    worst_note: str
    failures: str
    failures_note: str
    reason: str
    no_weights: str


WORDS = {
    "en": Words(
        choose="Method",
        description="About",
        card="At a glance",
        paper="Paper",
        parameters="Parameters",
        weights="Weights",
        version="Version",
        machine="Made on",
        run="Newest run",
        provenance="Provenance",
        provenances={
            "self-scored": "self-scored: the authors' own figures",
            "re-scored": "re-scored: the authors' clips, scored by the organisers",
            "organiser-run": "organiser-run: clips and scores made by this store's owner",
        },
        to_cases="All its cases, worst first",
        to_compare="Compare with another method",
        by_scenario="By scenario",
        by_vertical="By vertical",
        values="Every metric",
        values_note="Means over scenarios with their 95 % interval.",
        mean="Mean",
        scored="Edits scored",
        trial="On trial",
        trial_help="How often the metric prefers the better of two edits, one of which was damaged on purpose.",
        no_weight="no weight",
        worst="Its worst cases",
        worst_note="By the score; a name opens the clips.",
        failures="Failures",
        failures_note="Edits that could not be made, with the reason. Each counts 0.",
        reason="Reason",
        no_weights="none",
    ),
    "zh": Words(
        choose="方法",
        description="简介",
        card="概要",
        paper="论文",
        parameters="参数",
        weights="权重",
        version="版本",
        machine="运行环境",
        run="最近一次运行",
        provenance="来源",
        provenances={
            "self-scored": "自评：作者自己给出的分数",
            "re-scored": "复评：作者的视频，由主办方评分",
            "organiser-run": "主办方运行：视频和分数都由本库所有者产生",
        },
        to_cases="它的全部案例，最差优先",
        to_compare="与另一个方法对比",
        by_scenario="分场景",
        by_vertical="分品类",
        values="全部指标",
        values_note="对场景取平均，附 95% 区间。",
        mean="平均",
        scored="有分的编辑",
        trial="受试",
        trial_help="两个编辑中有一个被有意损坏时，该指标选中较好者的比例。",
        no_weight="无权重",
        worst="最差的案例",
        worst_note="按总分；点名称查看视频。",
        failures="失败",
        failures_note="未能完成的编辑及原因。每个记 0 分。",
        reason="原因",
        no_weights="无",
    ),
}
