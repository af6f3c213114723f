"""Words of the blind votes and of what they say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The vote pages' words."""

    tagline: str
    protocol: str
    study: str
    no_study: str
    no_study_note: str
    closed: str
    mode: str
    modes: dict[str, str]
    instruction: str
    left: str
    right: str
    edit: str
    questions: dict[str, str]
    marks: dict[str, str]
    marks_help: str
    choices: dict[str, str]
    cast: str
    thanks: str
    wait: str
    answer_all: str
    done: str
    done_note: str
    number: str
    you: str
    results: str
    turnout: str
    counting: str
    voter: str
    ballots: str
    caught: str
    left_share: str
    counted: dict[bool, str]
    counts_help: str
    caught_help: str
    left_share_help: str
    won_help: str
    standing_help: str
    tau_help: str
    one_voter: str
    about: str
    methods: str
    cases: str
    pairs: str
    counts: str
    resampling: str
    no_ratings: str
    axis: str
    axes: dict[str, str]
    rating: str
    ranks: str
    won: str
    standing: str
    standings: dict[str, str]
    ratings_note: str
    alpha: str
    alpha_none: str
    sheet: str
    sheet_note: str
    marked: str
    agreement: str
    agreement_note: str
    share: str
    votes: str
    tau: str
    no_agreement: str
    weights: str
    weights_note: str
    export: str


WORDS = {
    "en": Words(
        tagline="Which edit is better? You see two edits of one clip, and not who made them.",
        protocol="The protocol was written down before the first vote: docs/votes.md.",
        study="Study",
        no_study="No study is open.",
        no_study_note="A study fixes methods, cases and rules before the first vote. Open one:",
        closed="closed",
        mode="Mode",
        modes={"pairs": "Two edits side by side", "sheet": "One edit, marks 1 to 5"},
        instruction="Instruction",
        left="Left",
        right="Right",
        edit="Edit",
        questions={
            "edit_done": "Which one does what the instruction asks?",
            "rest_kept": "Which one leaves everything else as it was?",
            "looks_real": "Which one looks more like real footage?",
            "overall": "Which one would you rather use?",
        },
        marks={
            "edit_done": "Does what the instruction asks",
            "rest_kept": "Leaves everything else as it was",
            "looks_real": "Looks like real footage",
            "overall": "I would use it",
        },
        marks_help="1 is worst, 5 is best.",
        choices={"left": "Left", "tie": "No difference", "right": "Right"},
        cast="Submit and go on",
        thanks="Saved.",
        wait="Watch both clips first; the answer came too soon. Your choices are kept.",
        answer_all="Answer all four questions.",
        done="You have seen everything in this study. Thank you.",
        done_note="What the votes say is on the page of votes.",
        number="{n} answered",
        you="You are {name} here. This deletes all your answers:",
        results="What voters prefer, shown pairs of edits without names, and whether the metrics see it as they do.",
        turnout="Voters",
        counting="Votes counted: {votes} (voters: {voters}). Left out, because of too few known answers or wrong ones: {out}.",
        voter="Voter",
        ballots="Answers",
        caught="Known answers right",
        left_share="Chose left",
        counts="Counts",
        counted={True: "yes", False: "no"},
        counts_help="Votes count of whoever answered enough known pairs, and enough of them rightly.",
        caught_help="Pairs whose answer is known are mixed in, to tell who looks from who clicks.",
        left_share_help="Near one half for whoever looks: sides are drawn at random.",
        won_help="Of the votes on this question that count; a tie is half a vote.",
        standing_help="Preliminary: fewer than 5 voters, or an interval wider than 200 points. Established: at most 80.",
        tau_help="Kendall's tau between the order of methods by this metric and by the voters; 1 is the same order.",
        one_voter="one voter: no interval",
        about="Voted on",
        methods="{n} methods",
        cases="{n} cases",
        pairs="{n} pairs",
        resampling="Resampling voters",
        no_ratings="There are no ratings yet: {reason}",
        axis="Question",
        axes={"edit_done": "Edit done", "rest_kept": "Rest kept", "looks_real": "Looks real", "overall": "Overall"},
        rating="Rating",
        ranks="Rank",
        won="Votes won",
        standing="Standing",
        standings={"preliminary": "preliminary", "usable": "usable", "established": "established"},
        ratings_note="Davidson's model of ties; 400 points are odds of 10 to 1, the mean is 1000. Intervals resample voters.",
        alpha="Voters agree with each other: Krippendorff's alpha {value} (1 is full agreement, 0 is chance).",
        alpha_none="No pair was judged by two voters yet, so their agreement is unknown.",
        sheet="Rating sheet",
        sheet_note="Mean marks, 1 to 5. The sheet has no known answers; it is shown beside the votes, never mixed with them.",
        marked="{n} answers",
        agreement="Do the metrics agree with the voters?",
        agreement_note="Share of decided votes that the metric decides likewise; 50 % is chance. Intervals resample source clips.",
        share="Agrees",
        votes="Votes",
        tau="Kendall's τ",
        no_agreement="No metric that this question is about has values for the clips of this study.",
        weights="Weights from votes",
        weights_note="Fitted beside the published exponents, never in their place, with the full report of the study:",
        export="Download every answer (pseudonyms)",
    ),
    "zh": Words(
        tagline="哪个编辑更好？你会看到同一段视频的两个编辑，但不会看到出自谁手。",
        protocol="评测规程在第一次投票之前写定：docs/votes.md。",
        study="研究",
        no_study="没有开放的投票研究。",
        no_study_note="研究在第一次投票前就固定了方法、案例和规则。可这样开放一个：",
        closed="已结束",
        mode="方式",
        modes={"pairs": "两个编辑并排", "sheet": "单个编辑，打 1 到 5 分"},
        instruction="指令",
        left="左",
        right="右",
        edit="编辑",
        questions={
            "edit_done": "哪个完成了指令的要求？",
            "rest_kept": "哪个把其余部分保持原样？",
            "looks_real": "哪个更像真实拍摄？",
            "overall": "你更愿意用哪个？",
        },
        marks={
            "edit_done": "完成了指令的要求",
            "rest_kept": "其余部分保持原样",
            "looks_real": "像真实拍摄",
            "overall": "我愿意使用",
        },
        marks_help="1 最差，5 最好。",
        choices={"left": "左", "tie": "没有差别", "right": "右"},
        cast="提交并继续",
        thanks="已保存。",
        wait="请先看完两段视频；回答得太快了。你的选择已保留。",
        answer_all="请回答全部四个问题。",
        done="这个研究的内容你都看过了。谢谢。",
        done_note="投票的结果见“投票结果”页。",
        number="已回答 {n} 个",
        you="你在这里的化名是 {name}。下面的命令会删除你的全部回答：",
        results="投票者在看不到名称的成对编辑中更喜欢哪个，以及指标是否与他们一致。",
        turnout="投票者",
        counting="{voters} 位投票者的 {votes} 票有效；另有 {out} 票不计（已知答案的题太少或答错）。",
        voter="投票者",
        ballots="回答",
        caught="已知题答对",
        left_share="选左的比例",
        counts="有效",
        counted={True: "是", False: "否"},
        counts_help="已知答案的题答得够多且答对够多的人，其投票才有效。",
        caught_help="混入答案已知的配对，用来区分认真看的人和随手点的人。",
        left_share_help="认真看的人接近一半：左右位置是随机抽取的。",
        won_help="该问题的有效票中；平局算半票。",
        standing_help="初步：不足 5 位投票者，或区间宽于 200 分。确立：不宽于 80 分。",
        tau_help="按该指标和按投票者所排方法顺序之间的 Kendall τ；1 为顺序相同。",
        one_voter="只有一位投票者：无区间",
        about="投票范围",
        methods="{n} 个方法",
        cases="{n} 个案例",
        pairs="{n} 个配对",
        resampling="正在按投票者重采样",
        no_ratings="还没有评级：{reason}",
        axis="问题",
        axes={"edit_done": "编辑完成", "rest_kept": "其余保持", "looks_real": "真实感", "overall": "总体"},
        rating="评级",
        ranks="名次",
        won="得票",
        standing="可靠程度",
        standings={"preliminary": "初步", "usable": "可用", "established": "确立"},
        ratings_note="Davidson 平局模型；400 分相当于 10 比 1 的胜率，平均为 1000。区间按投票者重采样。",
        alpha="投票者之间的一致性：Krippendorff α 为 {value}（1 为完全一致，0 为偶然）。",
        alpha_none="还没有同一对视频被两人评过，一致性未知。",
        sheet="评分表",
        sheet_note="平均分，1 到 5。评分表没有已知答案的题；它与投票并列展示，从不混合。",
        marked="{n} 份回答",
        agreement="指标与投票者一致吗？",
        agreement_note="在分出高下的投票中，指标作出同样判断的比例；50% 为偶然。区间按源视频重采样。",
        share="一致",
        votes="票数",
        tau="Kendall τ",
        no_agreement="与该问题有关的指标都没有本研究视频的数值。",
        weights="由投票得到的权重",
        weights_note="与公布的指数并列拟合，从不取而代之；完整报告用：",
        export="下载全部回答（化名）",
    ),
}
