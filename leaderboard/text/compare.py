"""Words of the page that compares two methods."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The comparison's words."""

    tagline: str
    a: str
    b: str
    swap: str
    metrics: str
    metrics_hint: str
    pairs: str
    left_out: str
    tracks_differ: str
    same: str
    none_in_common: str
    verdict: dict[str, str]
    overall: str
    overall_note: str
    scenarios: str
    difference: str
    difference_help: str
    n_help: str
    p: str
    p_help: str
    detectable: str
    detectable_help: str
    better: str
    better_help: str
    not_told: str
    too_few: str
    scatter: str
    scatter_note: str
    gaps: str
    gaps_note: str


WORDS = {
    "en": Words(
        tagline="Paired by case: what makes a case hard is hard for both and drops out of the difference.",
        a="Method A",
        b="Method B",
        swap="Swap A and B",
        metrics="More metrics",
        metrics_hint="Besides the score and its axes",
        pairs="{cases} cases of {clips} source clips, paired.",
        left_out="Left out because the other lacks them: {a} cases of A, {b} of B.",
        tracks_differ="The input tracks differ: one method was given more than the other.",
        same="Choose two different methods.",
        none_in_common="These two methods have no case in common in this selection.",
        verdict={
            "a": "A is better: the score differs by {gap} (95 % interval {low} to {high}, p {p} corrected).",
            "b": "B is better: the score differs by {gap} (95 % interval {low} to {high}, p {p} corrected).",
            "none": "Not told apart: the score differs by {gap} (95 % interval {low} to {high}, p {p} corrected).",
        },
        overall="Over all scenarios",
        overall_note="One is better where the corrected p-value is below 0.05.",
        scenarios="In each scenario",
        difference="A − B",
        p="p",
        difference_help="Mean difference over scenarios, with its 95 % interval (source clips resampled).",
        n_help="Cases that both methods have a value for.",
        p_help="Two-sided, by flipping the signs of whole source clips; corrected for all lines of the table (Holm).",
        detectable="Detectable",
        detectable_help="The smallest true difference that so many clips find four times in five.",
        better="Better",
        better_help="Named where the corrected p-value is below 0.05.",
        not_told="not told apart",
        too_few="{clips} source clips can give no corrected p-value below 0.05: compare on more clips.",
        scatter="Case by case",
        scatter_note="A point is a case; above the line B is better. A point opens its clips.",
        gaps="Where they differ most",
        gaps_note="A name opens source, target and both edits in step.",
    ),
    "zh": Words(
        tagline="按案例配对：案例本身的难度对双方相同，在差值中抵消。",
        a="方法 A",
        b="方法 B",
        swap="交换 A 与 B",
        metrics="更多指标",
        metrics_hint="总分与三轴之外",
        pairs="配对 {cases} 个案例，来自 {clips} 段源视频。",
        left_out="因另一方缺少而略去：A 的 {a} 个案例，B 的 {b} 个案例。",
        tracks_differ="输入赛道不同：其中一个方法得到了更多信息。",
        same="请选择两个不同的方法。",
        none_in_common="在当前选择中，这两个方法没有共同的案例。",
        verdict={
            "a": "A 更好：总分相差 {gap}（95% 区间 {low} 至 {high}，校正后 p {p}）。",
            "b": "B 更好：总分相差 {gap}（95% 区间 {low} 至 {high}，校正后 p {p}）。",
            "none": "分不出高下：总分相差 {gap}（95% 区间 {low} 至 {high}，校正后 p {p}）。",
        },
        overall="全部场景",
        overall_note="校正后的 p 值低于 0.05 才判定一方更好。",
        scenarios="各场景内",
        difference="A − B",
        p="p",
        difference_help="对场景取平均的差值，附 95% 区间（按源视频重采样）。",
        n_help="双方都有数值的案例数。",
        p_help="双侧，按整段源视频翻转符号；对表中所有行做 Holm 校正。",
        detectable="可检出差异",
        detectable_help="这么多视频在五次中有四次能发现的最小真实差异。",
        better="更好",
        better_help="校正后的 p 值低于 0.05 时才判定。",
        not_told="分不出",
        too_few="{clips} 段源视频无法给出低于 0.05 的校正 p 值：请在更多视频上比较。",
        scatter="逐案例",
        scatter_note="每点一个案例；线以上 B 更好。点开可看视频。",
        gaps="差异最大的案例",
        gaps_note="点名称同步播放源视频、目标和双方的编辑。",
    ),
}
