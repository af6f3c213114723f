"""Words of the case explorer and of the player."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The case page's words."""

    sort_by: str
    sort_help: str
    beside: str
    beside_hint: str
    case: str
    previous: str
    next: str
    position: str
    source: str
    target: str
    no_clip: str
    edit_failed: str
    not_run: str
    watch: str
    copy: str
    copies: str
    instruction: str
    source_prompt: str
    target_prompt: str
    changes: str
    keeps: str
    details: str
    tags: str
    values: str
    values_note: str
    anchors: str
    anchors_help: str
    unscored: str
    player: dict[str, str]


WORDS = {
    "en": Words(
        sort_by="Worst first by",
        sort_help="Cases are ordered by this value of the first method, the worst first.",
        beside="Methods",
        beside_hint="Up to four, side by side",
        case="Case",
        previous="Previous case",
        next="Next case",
        position="Case {n} of {of}",
        source="Source",
        target="Target",
        no_clip="This clip is not on this machine: {reason}",
        edit_failed="No edit: {reason}",
        not_run="This method has not been run on this case.",
        watch="Go to edits whose clips are here",
        copy="copy",
        copies="A copy is compressed, to be watched: differences show the compression too. Scores are those of the edit itself.",
        instruction="Instruction",
        source_prompt="Source prompt",
        target_prompt="Target prompt",
        changes="Changes",
        keeps="Stays",
        details="Case",
        tags="Tags",
        values="All values of this case",
        values_note="The anchors are what the fixed control and the ground truth get on this very case.",
        anchors="Anchors",
        anchors_help="Control → ground truth; only metrics of the headline score have them.",
        unscored="unscored: {reason}",
        player={
            "play": "Play",
            "pause": "Pause",
            "back": "One frame back",
            "forward": "One frame forward",
            "scrub": "Frame",
            "speed": "Speed",
            "show": "Show",
            "clip": "Clip",
            "to_source": "Difference to source",
            "to_target": "Difference to target",
            "mask": "Dim what must stay",
            "size": "Size",
            "fit": "Fit",
            "frame": "frame",
            "hint": "Keys: space plays, arrows step.",
        },
    ),
    "zh": Words(
        sort_by="最差优先，按",
        sort_help="案例按第一个方法的这个数值排列，最差的在前。",
        beside="方法",
        beside_hint="最多四个，并排显示",
        case="案例",
        previous="上一个案例",
        next="下一个案例",
        position="第 {n} 个，共 {of} 个",
        source="源视频",
        target="目标",
        no_clip="这段视频不在本机：{reason}",
        edit_failed="没有编辑结果：{reason}",
        not_run="这个方法没有在该案例上运行。",
        watch="转到本机有视频的编辑结果",
        copy="副本",
        copies="副本经过压缩，仅供观看：差异图中也包含压缩误差。得分来自编辑结果本身。",
        instruction="指令",
        source_prompt="源描述",
        target_prompt="目标描述",
        changes="改动",
        keeps="保持",
        details="案例",
        tags="标签",
        values="该案例的全部数值",
        values_note="锚点是固定对照项和真值在这个案例上的得分。",
        anchors="锚点",
        anchors_help="对照 → 真值；只有计入总分的指标才有。",
        unscored="无分：{reason}",
        player={
            "play": "播放",
            "pause": "暂停",
            "back": "后退一帧",
            "forward": "前进一帧",
            "scrub": "帧",
            "speed": "速度",
            "show": "显示",
            "clip": "视频",
            "to_source": "与源视频之差",
            "to_target": "与目标之差",
            "mask": "压暗应保持的部分",
            "size": "尺寸",
            "fit": "适应",
            "frame": "帧",
            "hint": "按键：空格播放，方向键逐帧。",
        },
    ),
}
