"""Words of the moderators' page."""

from __future__ import annotations

from dataclasses import dataclass

from submissions.suspicion import CHECKS


@dataclass(frozen=True, slots=True)
class Words:
    """The review page's words."""

    tagline: str
    waiting: str
    nothing: str
    nothing_note: str
    flags: str
    no_flags: str
    check: str
    meaning: str
    where: str
    manifest: str
    fields: dict[str, str]
    scores: str
    scores_note: str
    clips: str
    spot: str
    spot_note: str
    history: str
    decide: str
    provenance: str
    provenances: dict[str, str]
    note: str
    accept: str
    reject: str
    reject_why: str
    accepted: str
    rejected: str
    all: str
    checks: dict[str, str]


WORDS = {
    "en": Words(
        tagline="What waits for a person to look at it. Nothing of a submission is on the board before it is accepted.",
        waiting="Waiting",
        nothing="Nothing waits for review.",
        nothing_note="Submissions come here once they are scored:",
        flags="Flags",
        no_flags="No check found anything odd.",
        check="Check",
        meaning="What it means",
        where="Where",
        manifest="What the submitter states",
        fields={
            "method": "Method",
            "team": "Team",
            "contact": "Contact (never published)",
            "paper": "Paper",
            "code": "Code",
            "licence": "Licence",
            "model": "Model",
            "hardware": "Hardware",
            "testset": "Test set",
            "seconds": "Seconds per edit, as stated",
            "digest": "Content (sha256)",
        },
        scores="Scores",
        scores_note="Means over scenarios. An edit that could not be made counts 0.",
        clips="Clips",
        spot="Cases to make again",
        spot_note="Where you have the method, make these again and compare; the draw follows from the files' hashes.",
        history="Audit log",
        decide="Decision",
        provenance="Provenance",
        provenances={
            "re-scored": "re-scored: their clips, our scores",
            "organiser-run": "organiser-run: we made the clips too",
        },
        note="Note for the log",
        accept="Accept: put it on the board",
        reject="Reject",
        reject_why="Reason; the submitter is shown it",
        accepted="{id} is accepted and on the board.",
        rejected="{id} is rejected.",
        all="All submissions",
        checks=dict(CHECKS),
    ),
    "zh": Words(
        tagline="等待人工查看的提交。接受之前，提交的任何内容都不会上榜。",
        waiting="等待中",
        nothing="没有等待审核的提交。",
        nothing_note="提交评分后会出现在这里：",
        flags="疑点",
        no_flags="各项检查没有发现异常。",
        check="检查项",
        meaning="含义",
        where="位置",
        manifest="提交者的声明",
        fields={
            "method": "方法",
            "team": "团队",
            "contact": "联系方式（从不公开）",
            "paper": "论文",
            "code": "代码",
            "licence": "许可",
            "model": "模型",
            "hardware": "硬件",
            "testset": "测试集",
            "seconds": "每次编辑秒数（自述）",
            "digest": "内容 (sha256)",
        },
        scores="分数",
        scores_note="对场景取平均。未能完成的编辑记 0 分。",
        clips="视频",
        spot="应重做的案例",
        spot_note="如果你有这个方法，请重做这些案例并比较；抽取由文件哈希决定。",
        history="审计日志",
        decide="决定",
        provenance="来源",
        provenances={
            "re-scored": "复评：对方的视频，我们的评分",
            "organiser-run": "主办方运行：视频也由我们生成",
        },
        note="写入日志的备注",
        accept="接受并上榜",
        reject="拒绝",
        reject_why="原因（会告知提交者）",
        accepted="{id} 已接受并上榜。",
        rejected="{id} 已拒绝。",
        all="全部提交",
        checks={
            "copy-of-source": "视频就是源视频，至多重新编码",
            "copy-of-target": "视频就是真值，至多重新编码",
            "copy-of-submission": "视频是另一位提交者的，至多重新编码",
            "still": "源视频在动，结果始终是同一帧",
            "reversed": "倒放时与源视频更吻合",
            "repeated-frames": "重复了源视频没有重复的帧",
            "beyond-truth": "某个指标比真值自身还好",
            "outlier": "某个指标比其他方法好出六倍以上绝对偏差",
            "no-edit": "几乎全部保持、几乎没有编辑，如同直接复制源视频",
            "same-again": "同样的文件以前提交过",
            "team-taken": "另一个账号用过这个团队名",
            "team-pace": "该团队在最近 14 天内已有提交被接受",
        },
    ),
}
