"""Words of the ranking page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The ranking's words."""

    tagline: str
    track: str
    all_tracks: str
    by: str
    by_help: str
    more_columns: str
    more_columns_hint: str
    count: str
    no_headline: str
    track_heading: dict[str, str]
    track_note: dict[str, str]
    controls: str
    controls_note: str
    how_to_read: str
    how_to_read_body: str
    rank: str
    seconds: str
    nfe: str
    memory: str
    failed: str
    rank_help: str
    rank_t_help: str
    score_help: str
    axes_help: dict[str, str]
    seconds_help: str
    nfe_help: str
    memory_help: str
    failed_help: str
    trial_note: str
    trial_help: str
    no_weight: str
    cell_help: str
    partly_scored: str
    incomplete: str
    incomplete_rank: str
    badges: dict[str, str]
    one_clip: str
    no_interval: str
    cost_title: str
    cost_note: str
    cost_some: str
    cost_by: str
    costs: dict[str, str]
    radar_title: str
    radar_note: str
    weights_title: str
    weights_note: str
    weights_column: str
    table_csv: str
    table_json: str
    table_latex: str
    table_parquet: str
    edits_csv: str
    edits_json: str
    edits_parquet: str
    edits_many: str


WORDS = {
    "en": Words(
        tagline="How well does a method make exactly the asked edit of a product clip, and leave the rest alone?",
        track="Input track",
        all_tracks="All tracks, apart",
        by="Rank by",
        by_help="Order and rank sets go by this figure.",
        more_columns="More columns",
        more_columns_hint="Any metric of the protocol",
        count="Edits: {cases}. Source clips: {clips}. A method's name leads to its page.",
        no_headline=(
            "This test set has no ground truth, so there is no headline score. Methods are ordered by one figure at a time."
        ),
        track_heading={"text": "Text track", "first-frame": "First-frame track", "mask": "Mask track"},
        track_note={
            "text": "Methods see the source clip and the words, nothing else.",
            "first-frame": "Methods also see the edited first frame. Not comparable with other tracks.",
            "mask": "Methods also see where the edit is. Not comparable with other tracks.",
        },
        controls="Controls",
        controls_note="Fixed points of the scale, never ranked: what doing nothing, freezing or the truth gets.",
        how_to_read="How to read this",
        how_to_read_body=(
            "The score of an edit is 100 × accuracyᵃ × preservationᵇ × temporalᶜ with the exponents of the protocol. "
            "Each axis lies between what a fixed control gets (0) and what the ground truth gets (1), so the untouched "
            "source and a frozen frame get 0 and the ground truth gets 100. Figures are means over scenarios. "
            "The bar shows the 95 % interval: source clips are resampled, because edits of one clip succeed and fail "
            "together. Ranks are sets: methods that a paired test cannot tell apart share them. "
            "An edit that could not be made counts 0."
        ),
        rank="Rank",
        seconds="s / edit",
        nfe="NFE",
        memory="Peak memory",
        failed="Failed",
        rank_help="The ranks a method may hold, from paired sign-flip tests with Holm correction (5 %).",
        rank_t_help="The ranks a method may hold, from paired t tests over source clips with Holm correction (5 %).",
        score_help="0 to 100, macro-averaged over scenarios.",
        axes_help={
            "accuracy": "Was the asked edit made, inside the mask? 0 is the untouched source, 1 the ground truth.",
            "preservation": "Was the rest left alone? 0 is another clip, 1 the ground truth.",
            "temporal": "Does it move as it should, without flicker? 0 is a frozen frame, 1 the ground truth.",
        },
        seconds_help="Mean wall time of an edit, without loading the model. Depends on the machine.",
        nfe_help="Transformer forwards of batch 1 per edit, counted.",
        memory_help="Largest of all edits.",
        failed_help="Edits that could not be made; each counts 0.",
        trial_note="on trial: {rate} %",
        trial_help=(
            "On trial it prefers the better of two edits in {rate} % [{low}, {high}] of {pairs} pairs, one of which was "
            "damaged on purpose (bench meta-eval)."
        ),
        no_weight="It carries no weight in the score.",
        cell_help="{mean}, 95 % interval {low} to {high}, {n} edits of {groups} clips",
        partly_scored="{n} of {of} scored",
        incomplete="{n} of {of} cases",
        incomplete_rank="Not ranked: it lacks a value for some of these cases.",
        badges={"self-scored": "self-scored", "re-scored": "re-scored", "organiser-run": "organiser-run"},
        one_clip="one clip only",
        no_interval="no interval",
        cost_title="Quality against cost",
        cost_note="No other method of its track is both better and cheaper than one on a line. Whiskers: 95 % interval.",
        cost_some="Drawn are, of {of} methods, those listed above and those on the line.",
        cost_by="Cost",
        costs={"seconds": "Seconds per edit", "nfe": "NFE per edit", "peak_memory": "Memory, MiB"},
        radar_title="By scenario",
        radar_note="Mean in each scenario. Up to four methods.",
        weights_title="How much ranks depend on the weights",
        weights_note=(
            "Best and worst place of each method when each axis takes half, once and twice its exponent in turn "
            "(27 weightings). Places are by the mean alone. bench score sensitivity also leaves out each metric in turn."
        ),
        weights_column="Places",
        table_csv="This table, CSV",
        table_json="This table, JSON",
        table_latex="This table, LaTeX",
        table_parquet="This table, Parquet",
        edits_csv="Every edit, CSV",
        edits_json="Every edit, JSON",
        edits_parquet="Every edit, Parquet",
        edits_many="Files with every edit come from the command line: {n} edits are too many for a page.",
    ),
    "zh": Words(
        tagline="一个方法能否在商品视频上恰好做出所要求的编辑，而不改动其余部分？",
        track="输入赛道",
        all_tracks="全部（分开）",
        by="排名依据",
        by_help="次序和名次区间按此数值计算。",
        more_columns="更多列",
        more_columns_hint="协议中的任意指标",
        count="编辑 {cases} 个，源视频 {clips} 段。点方法名进入它的页面。",
        no_headline="这个测试集没有真值，因此没有总分；方法每次按一个数值排列。",
        track_heading={"text": "文本赛道", "first-frame": "首帧赛道", "mask": "掩码赛道"},
        track_note={
            "text": "方法只能看到源视频和文字。",
            "first-frame": "方法还能看到编辑后的首帧，不与其他赛道比较。",
            "mask": "方法还能看到编辑区域，不与其他赛道比较。",
        },
        controls="对照",
        controls_note="标尺上的固定点，不参与排名：什么都不做、画面冻结或直接给出真值各得多少分。",
        how_to_read="如何阅读",
        how_to_read_body=(
            "一次编辑的总分是 100 × 准确ᵃ × 保持ᵇ × 时序ᶜ，指数由协议规定。每一轴的 0 是固定对照项的得分，1 是真值的得分，"
            "因此原样返回和冻结画面得 0 分，真值得 100 分。各数值是对场景取的平均。"
            "横条是 95% 区间：同一段源视频的编辑往往同成同败，所以按源视频重采样。"
            "名次是区间：配对检验分不出高下的方法共享名次。未能完成的编辑记 0 分。"
        ),
        rank="名次",
        seconds="秒 / 次",
        nfe="NFE",
        memory="峰值内存",
        failed="失败",
        rank_help="该方法可能的名次，来自配对符号翻转检验并经 Holm 校正（5%）。",
        rank_t_help="该方法可能的名次，来自按源视频的配对 t 检验并经 Holm 校正（5%）。",
        score_help="0 到 100，对场景取宏平均。",
        axes_help={
            "accuracy": "掩码内是否完成了所要求的编辑？0 是未改动的源视频，1 是真值。",
            "preservation": "其余部分是否保持不变？0 是另一段视频，1 是真值。",
            "temporal": "运动是否正确、有无闪烁？0 是冻结画面，1 是真值。",
        },
        seconds_help="一次编辑的平均用时，不含模型加载；与机器有关。",
        nfe_help="每次编辑的 Transformer 前向次数（批大小 1），实际计数。",
        memory_help="所有编辑中的最大值。",
        failed_help="未能完成的编辑；每个记 0 分。",
        trial_note="受试：{rate}%",
        trial_help=(
            "在检验中，{pairs} 对编辑（其中一个被有意损坏）里它选中较好者的比例为 {rate}% [{low}, {high}]（bench meta-eval）。"
        ),
        no_weight="它在总分中没有权重。",
        cell_help="{mean}，95% 区间 {low} 至 {high}，{n} 个编辑，{groups} 段视频",
        partly_scored="{of} 个中 {n} 个有分",
        incomplete="{of} 个案例中的 {n} 个",
        incomplete_rank="未排名：部分案例没有数值。",
        badges={"self-scored": "自评", "re-scored": "复评", "organiser-run": "主办方运行"},
        one_clip="仅一段视频",
        no_interval="无区间",
        cost_title="质量与开销",
        cost_note="线上的方法，同一赛道中没有别的方法既更好又更省。须线为 95% 区间。",
        cost_some="共 {of} 个方法，图中只画出上面列出的和线上的。",
        cost_by="开销",
        costs={"seconds": "每次编辑秒数", "nfe": "每次编辑 NFE", "peak_memory": "峰值内存 (MiB)"},
        radar_title="分场景",
        radar_note="每个场景内的平均分，最多四个方法。",
        weights_title="名次有多依赖权重",
        weights_note=(
            "三个轴的指数依次取一半、一倍、两倍（共 27 组权重）时，每个方法的最好与最差位次。位次只按平均值。"
            "bench score sensitivity 还会逐个去掉每项指标。"
        ),
        weights_column="位次",
        table_csv="本表 CSV",
        table_json="本表 JSON",
        table_latex="本表 LaTeX",
        table_parquet="本表 Parquet",
        edits_csv="每个编辑 CSV",
        edits_json="每个编辑 JSON",
        edits_parquet="每个编辑 Parquet",
        edits_many="共 {n} 个编辑，页面放不下；请用命令行导出：",
    ),
}
