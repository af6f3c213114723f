"""Words that all pages share: navigation, filters, names of scenarios and families, empty states."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """Shared words."""

    product: str
    language: str
    pages: dict[str, str]
    sections: dict[str, str]

    board: str
    split: str
    scenario: str
    all_scenarios: str
    vertical: str
    all_verticals: str
    tier: str
    never_mixed: str
    scenarios: dict[str, str]
    verticals: dict[str, str]
    tracks: dict[str, str]
    families: dict[str, str]
    axes: dict[str, str]
    score: str
    method: str
    methods: str
    metric: str
    better: dict[str, str]
    control: str
    download: str
    link: str
    link_note: str
    find: str
    page_of: str
    previous: str
    next: str
    preparing: str
    optional: str

    empty_title: str
    empty_body: str
    missing_title: str
    missing_body: str
    broken_title: str
    newer_title: str
    locked_title: str
    locked_body: str
    no_results_title: str
    no_results_body: str
    no_method: str


WORDS = {
    "en": Words(
        product="ShopEdit-Bench",
        language="Language",
        pages={
            "ranking": "Ranking",
            "method": "Method",
            "cases": "Cases",
            "compare": "Compare",
            "testset": "Test set",
            "submit": "Submit",
            "review": "Review",
            "vote": "Vote",
            "votes": "Votes",
            "about": "About",
        },
        sections={"part": "Take part"},
        board="Test set and protocol",
        split="Split",
        scenario="Scenario",
        all_scenarios="All scenarios",
        vertical="Vertical",
        all_verticals="All verticals",
        tier="Tier",
        never_mixed="Scores of other test sets, versions or protocols are never on the same board.",
        scenarios={
            "product": "Product",
            "background": "Background",
            "color": "Colour",
            "material": "Material",
            "style": "Style",
            "add": "Add",
            "remove": "Remove",
        },
        verticals={
            "apparel": "Apparel and bags",
            "home": "Home and furniture",
            "appliances": "Appliances",
            "electronics": "Electronics",
            "beauty": "Beauty",
            "jewellery": "Jewellery",
            "food": "Food",
            "toys": "Toys",
        },
        tracks={"text": "Text", "first-frame": "First frame", "mask": "Mask"},
        families={
            "score": "Score",
            "accuracy": "Edit accuracy",
            "structure": "Structure",
            "semantics": "Semantics",
            "temporal": "Temporal",
            "ground-truth": "Against the ground truth",
            "distribution": "Distribution",
            "cost": "Cost",
        },
        axes={"accuracy": "Accuracy", "preservation": "Preservation", "temporal": "Temporal"},
        score="Score",
        method="Method",
        methods="Methods",
        metric="Metric",
        better={"higher": "Higher is better.", "lower": "Lower is better."},
        control="control",
        download="Download",
        link="Link to this view",
        link_note="Opens the board with these choices.",
        find="Find a method",
        page_of="{first}–{last} of {of}",
        previous="Previous",
        next="Next",
        preparing="Preparing clips",
        optional="optional",
        empty_title="No results yet",
        empty_body="This store holds no run. Make one, then come back; the page reads the store on every visit.",
        missing_title="There is no store here yet",
        missing_body="Make a run to start one, or name another folder with --home or $BENCH_HOME.",
        broken_title="The store cannot be read",
        newer_title="The store is newer than this program",
        locked_title="The store does not answer",
        locked_body="Reload this page once the program that holds it has ended.",
        no_results_title="Nothing to show",
        no_results_body="No edit of this board matches the filters. Choose another split, scenario or vertical.",
        no_method="Only controls have been run on this selection. Add a method:",
    ),
    "zh": Words(
        product="ShopEdit-Bench",
        language="语言",
        pages={
            "ranking": "排行榜",
            "method": "方法",
            "cases": "案例",
            "compare": "对比",
            "testset": "测试集",
            "submit": "提交",
            "review": "审核",
            "vote": "投票",
            "votes": "投票结果",
            "about": "关于",
        },
        sections={"part": "参与"},
        board="测试集与评测协议",
        split="划分",
        scenario="编辑场景",
        all_scenarios="全部场景",
        vertical="品类",
        all_verticals="全部品类",
        tier="档位",
        never_mixed="不同测试集、版本或协议的分数从不放在同一张榜上。",
        scenarios={
            "product": "换商品",
            "background": "换背景",
            "color": "改颜色",
            "material": "改材质",
            "style": "改风格",
            "add": "添加",
            "remove": "移除",
        },
        verticals={
            "apparel": "服饰箱包",
            "home": "家居家具",
            "appliances": "家电",
            "electronics": "数码",
            "beauty": "美妆",
            "jewellery": "珠宝",
            "food": "食品",
            "toys": "玩具",
        },
        tracks={"text": "文本", "first-frame": "首帧", "mask": "掩码"},
        families={
            "score": "总分",
            "accuracy": "编辑准确度",
            "structure": "结构",
            "semantics": "语义",
            "temporal": "时序",
            "ground-truth": "与真值对照",
            "distribution": "分布",
            "cost": "开销",
        },
        axes={"accuracy": "准确", "preservation": "保持", "temporal": "时序"},
        score="总分",
        method="方法",
        methods="方法",
        metric="指标",
        better={"higher": "越高越好。", "lower": "越低越好。"},
        control="对照",
        download="下载",
        link="本页链接",
        link_note="打开后恢复当前的全部选择。",
        find="查找方法",
        page_of="第 {first}–{last} 项，共 {of} 项",
        previous="上一页",
        next="下一页",
        preparing="正在准备视频",
        optional="选填",
        empty_title="还没有结果",
        empty_body="这个库里没有任何评测。先运行一次再回来；页面每次打开都会重新读取。",
        missing_title="这里还没有结果库",
        missing_body="运行一次评测即可建立，或用 --home 或 $BENCH_HOME 指定别的文件夹。",
        broken_title="结果库无法读取",
        newer_title="结果库比本程序新",
        locked_title="结果库没有应答",
        locked_body="等占用它的程序结束后，重新加载本页。",
        no_results_title="没有可显示的内容",
        no_results_body="没有符合筛选条件的编辑结果。请换一个划分、场景或品类。",
        no_method="当前选择里只有对照项。可这样添加一个方法：",
    ),
}
